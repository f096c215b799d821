"""The program that makes a chat model, at a hundredth of its size."""

import json

import pytest

from scratchgpt.chat import Message, Renderer, answer
from scratchgpt.chat.starter import draw_questions
from scratchgpt.chat.starter.questions import words
from scratchgpt.errors import UserError
from scratchgpt.models import GPT
from scratchgpt.text import load_tokenizer


@pytest.fixture(scope="module")
def made(example, published, tmp_path_factory):
    """The folder of a model that was made with a hundredth of the data and of the steps."""
    out = tmp_path_factory.mktemp("chat") / "model"
    example("chat_model").ChatModel(out, 0.01, 0, published).make()
    return out


def test_the_test_of_the_model_is_reported(made):
    report = json.loads((made / "report.json").read_text())
    for stage in ("sft", "chat"):
        assert set(report[stage]) == {"greeting", "identity", "sum", "ended"}
    assert [turn["role"] for turn in report["turns"]] == ["user", "assistant"] * 10


def test_no_test_question_is_in_the_data(made):
    lines = (made / "conversations.jsonl").read_text().splitlines()
    asked = {words(m["content"]) for line in lines for m in json.loads(line)["messages"]}
    assert len(asked) > 500
    assert "name a fruit" in asked
    assert not asked & {words(one.text) for one in draw_questions()}


def test_every_digit_is_a_token(made):
    tokenizer = load_tokenizer(made / "chat" / "last")
    assert len(tokenizer.encode("2468")) == 4
    assert len(tokenizer.encode("35 + 17")) == 6  # " +" and the space before 1 are tokens, too


def test_the_finished_model_can_talk(made):
    folder = made / "chat" / "last"
    renderer = Renderer(load_tokenizer(folder))
    result = answer(
        GPT.from_pretrained(folder), renderer, [Message("user", "Hi")], max_new_tokens=3
    )
    assert isinstance(result.text, str)


def test_a_second_call_only_tests_the_model_again(made, example, published, capsys):
    before = (made / "chat" / "last" / "model.safetensors").stat().st_mtime_ns
    example("chat_model").ChatModel(made, 0.01, 0, published).make()
    assert capsys.readouterr().out.count("finished already") == 5
    assert (made / "chat" / "last" / "model.safetensors").stat().st_mtime_ns == before


def test_a_folder_with_other_settings_or_files_is_refused(made, example, tmp_path):
    with pytest.raises(UserError, match=r"was started with .*0\.01.* not .*0\.02"):
        example("chat_model").ChatModel(made, 0.02, 0, None)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="has other files; choose a new folder"):
        example("chat_model").ChatModel(tmp_path, 0.01, 0, None)


def test_data_with_a_test_question_is_refused(example, tmp_path):
    question = draw_questions()[0].text
    with pytest.raises(UserError, match="the data has 1 text of the test: "):
        example("chat_model").ChatModel(tmp_path, 0.01, 0, None).check(["hello", question])
