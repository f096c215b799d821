import pytest

from scratchgpt.chat import Message
from scratchgpt.chat.starter import HeldOut
from scratchgpt.errors import UserError


def test_every_known_kind_is_read_and_the_rest_is_counted(example, published):
    found, left_out = example("published_conversations").read_folder(published, HeldOut())
    texts = [[message.content for message in messages] for messages in found]
    assert sorted(texts) == sorted(
        [
            ["Name a fruit.", "Apple."],
            ["Make it a question.\nIt rains.", "Does it rain?"],
            ["Name a color.", "Red."],
            ["Why?", "Because.", "And then?", "Nothing."],
            ["Why?", "Because."],
            ["Is soup hot", "Usually, it is."],
        ]
    )
    assert sorted(left_out.values()) == [1, 1, 1]  # another assistant, a test question, a table


def test_a_folder_without_conversations_is_an_error(example, tmp_path):
    with pytest.raises(UserError, match="has no conversation of a known kind"):
        example("published_conversations").read_folder(tmp_path, HeldOut())
    with pytest.raises(UserError, match="is not a folder"):
        example("published_conversations").read_folder(tmp_path / "none", HeldOut())


def test_a_damaged_file_is_named(example, tmp_path):
    (tmp_path / "tasks.jsonl").write_text('{"instruction": "Name a color.", "instances": []}\n')
    with pytest.raises(UserError, match=r"tasks\.jsonl has a record that lacks something"):
        example("published_conversations").read_folder(tmp_path, HeldOut())


def test_a_test_question_in_a_line_of_a_message_is_found(example):
    why_not, held_out = example("published_conversations").why_not, HeldOut()
    assert not why_not([Message("user", "Translate:\nHello.")], held_out)
    assert "test question" in why_not([Message("user", "Translate:\nHello again!")], held_out)
