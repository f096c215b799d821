import json

import pytest

from scratchgpt.chat import Message, Preferences, read_preferences
from scratchgpt.errors import UserError

PROMPT = [Message("user", "1+1?")]


def write(path, *values):
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def test_all_shapes_are_read(tmp_path):
    messages = [{"role": "user", "content": "1+1?"}]
    two, three = ({"role": "assistant", "content": text} for text in "23")
    path = write(
        tmp_path / "a.jsonl",
        {"prompt": "1+1?", "chosen": "2", "rejected": "3", "margin": 0.5},
        {"prompt": messages, "chosen": [two], "rejected": [three]},
        {"chosen": [*messages, three], "rejected": [*messages, two]},
        {"prompt": "1+1?", "answers": ["2", "3", "4"]},
        {"prompt": "1+1?", "answers": ["2", "3", "4", "3"], "ranks": [1, 0, 0, 2]},
    )
    assert read_preferences([path]) == [
        Preferences(PROMPT, ["2", "3"], [(0, 1)], [0.5]),
        Preferences(PROMPT, ["2", "3"], [(0, 1)]),
        Preferences(PROMPT, ["3", "2"], [(0, 1)]),
        Preferences(PROMPT, ["2", "3", "4"], [(0, 1), (0, 2), (1, 2)]),
        Preferences(PROMPT, ["2", "3", "4", "3"], [(0, 3), (1, 0), (2, 0), (2, 3)]),
    ]


def test_what_is_left_out_is_counted(tmp_path):
    good = {"prompt": "a", "chosen": "2", "rejected": "3"}
    path = write(
        tmp_path / "a.jsonl",
        good,
        good,
        {**good, "rejected": "2"},
        {**good, "rejected": " "},
        {"prompt": "a", "answers": ["x", "y"], "ranks": [1, 1]},
    )
    with pytest.warns(UserWarning, match="leaving out") as record:
        assert len(read_preferences([path])) == 1
    assert str(record[0].message) == (
        f"{path}: leaving out 1 line with an empty answer and 2 lines without a preference and "
        "1 line equal to another"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "either 'chosen' and 'rejected', or 'answers'; it has neither"),
        ({"chosen": "a", "rejected": "b", "answers": []}, "it has both"),
        ({"chosen": "a", "rejected": "b"}, "chosen: the messages are not a list"),
        ({"prompt": 3, "chosen": "a", "rejected": "b"}, "prompt: the messages are not a list"),
        ({"prompt": "a", "chosen": "\ud800", "rejected": "b"}, "chosen: message 1: .*surrogate"),
        ({"prompt": "a", "chosen": "b", "rejected": "c", "margin": "d"}, "margin='d' must be"),
        (
            {"prompt": "a", "chosen": [{"role": "user", "content": ""}], "rejected": ""},
            "one message",
        ),
        ({"prompt": "a", "answers": ["b"]}, "answers must be a list of 2 to 100 answers"),
        ({"prompt": "a", "answers": ["b", "c"], "ranks": [1]}, "ranks must be a list of 2 numbers"),
        ({"prompt": "a", "answers": ["b", "c"], "ranks": [1, "x"]}, "ranks must be a list of 2"),
        ({"prompt": "a", "answers": ["b", "b"]}, "has no preferences: 1 line without a preference"),
        (
            {
                "chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
                "rejected": [{"role": "assistant", "content": "b"}],
            },
            "must be equal up to a last message",
        ),
    ],
    ids=range(12),
)
def test_bad_lines_are_refused_in_one_line(tmp_path, value, message):
    path = write(tmp_path / "a.jsonl", value)
    with pytest.raises(UserError, match=message) as error:
        read_preferences([path])
    assert "\n" not in str(error.value)
