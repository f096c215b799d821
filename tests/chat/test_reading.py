import gzip
import json

import pytest

from scratchgpt.chat import Message, read_conversation, read_conversations, write_conversation
from scratchgpt.errors import UserError

HI = [Message("user", "Hi"), Message("assistant", "Hello!")]


def write(path, *values):
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def openai(*pairs):
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}


def test_both_shapes_are_read(tmp_path):
    path = write(
        tmp_path / "a.jsonl",
        openai(("system", "Be brief."), *HI),
        {
            "id": 3,
            "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}],
        },
        {
            "system": "Be kind.",
            "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}],
        },
        openai(
            ("developer", ""), ("user", [{"type": "text", "text": "Hey"}]), ("assistant", "Yes?")
        ),
    )
    assert read_conversations([path]) == [
        [Message("system", "Be brief."), *HI],
        HI,
        [Message("system", "Be kind."), *HI],
        [Message("user", "Hey"), Message("assistant", "Yes?")],
    ]


def test_gzipped_files_are_read(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(openai(*HI)).encode()))
    assert read_conversations([path]) == [HI]


def test_what_is_left_out_is_counted(tmp_path):
    path = write(
        tmp_path / "a.jsonl",
        openai(*HI),
        openai(*HI, ("user", "And now?")),
        openai(("user", "Hi")),
        openai(("user", "Hi"), ("assistant", " \n")),
        openai(("user", "Bye"), ("assistant", "Bye!"), ("user", "x"), ("user", "y")),
    )
    with pytest.warns(UserWarning, match="leaving out") as record:
        found = read_conversations([path])
    assert found == [HI, [Message("user", "Bye"), Message("assistant", "Bye!")]]
    assert str(record[0].message) == (
        f"{path}: leaving out 1 conversation without an answer and 1 conversation with an empty "
        "answer and 1 conversation equal to another and 2 messages after the last answer"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1 of .* is not JSON"),
        ("[]", "has neither"),
        ('{"messages": [], "conversations": []}', "has both"),
        ('{"messages": []}', "has no messages"),
        ('{"messages": 3}', "not a list of objects"),
        ('{"messages": [3]}', "message 1 is not an object with 'role' and 'content'"),
        ('{"messages": [{"role": "asistant", "content": ""}]}', "did you mean 'assistant'"),
        ('{"messages": [{"role": "tool", "content": ""}]}', "unknown role 'tool'"),
        ('{"messages": [{"role": ["user"], "content": ""}]}', "unknown role"),
        ('{"messages": [{"role": "user", "content": null}]}', "message 1 has content that is not"),
        ('{"messages": [{"role": "user", "content": [{"type": "image"}]}]}', "not text"),
        ('{"messages": [{"role": "user", "content": "\\ud800"}]}', "message 1: .*lone surrogate"),
        (json.dumps(openai(*HI, ("system", "no"))), "message 3 is a system message"),
        (json.dumps(openai(("user", "Hi"))), "no conversation with something to learn: 1 conv"),
        ("", "no conversation"),
    ],
    ids=range(15),
)  # fmt: skip
def test_bad_lines_are_refused_in_one_line(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_text(line)
    with pytest.raises(UserError, match=message) as error:
        read_conversations([path])
    assert "\n" not in str(error.value)


def test_a_conversation_is_read_as_it_was_written(tmp_path, second):
    file = tmp_path / "conversation.jsonl"
    for messages, _ in second.conversations()[:40]:
        if messages[0] != Message("system", ""):  # which readers leave out
            write_conversation(file, messages)
            assert read_conversation(file) == messages
    file.write_text(file.read_text() * 2)
    with pytest.raises(UserError, match="has 2 conversations; name a file with one"):
        read_conversation(file)
