import pytest

from scratchgpt.chat import Message
from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.chat_request import parse_chat_request
from scratchgpt.serving.fields import Fields
from scratchgpt.serving.limits import Limits

HI = {"role": "user", "content": "Hi"}


def parsed(messages=(HI,), **values):
    return parse_chat_request(Fields({"messages": list(messages), **values}), Limits(messages=4))


def refused(*arguments, **values):
    with pytest.raises(APIError) as caught:
        parsed(*arguments, **values)
    assert caught.value.status == 400
    return caught.value


def test_roles_and_contents_of_all_kinds_are_read():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "other": 1}]
    request = parsed(
        [
            {"role": "developer", "content": "Be short."},
            {"role": "user", "content": parts, "name": "Ann"},
            {"role": "assistant", "content": None, "refusal": None},
            {"role": "user", "content": []},
        ]
    )
    assert request.messages == [
        Message("system", "Be short."),
        Message("user", "ab"),
        Message("assistant", ""),
        Message("user", ""),
    ]
    assert parsed([{"role": "system", "content": ""}, HI]).messages == [Message("user", "Hi")]


def test_log_probabilities():
    assert parsed().n_top is None
    assert parsed(logprobs=False).n_top is None
    assert parsed(logprobs=True).n_top == 0
    assert parsed(logprobs=True, top_logprobs=20).n_top == 20
    assert refused(top_logprobs=3).param == "top_logprobs"
    assert refused(logprobs=True, top_logprobs=21).param == "top_logprobs"


def test_turns_are_left_out_only_on_request():
    assert not parsed().leaves_out_turns
    assert not parsed(truncation="disabled").leaves_out_turns
    assert parsed(truncation="auto").leaves_out_turns
    assert "'auto' or 'disabled'" in refused(truncation="old").message


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([], "messages"),
        (["Hi"], "messages[0]"),
        ([HI] * 5, "messages"),
        ([HI, {"role": "tool", "content": "3"}], "messages[1].role"),
        ([{"content": "Hi"}], "messages[0].role"),
        ([{"role": [], "content": "Hi"}], "messages[0].role"),
        ([{"role": "user", "content": 3}], "messages[0].content"),
        ([{"role": "user", "content": {"type": "text"}}], "messages[0].content"),
        ([{"role": "user", "content": ["Hi"]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "text", "text": 3}]}], None),
        ([HI, {"role": "system", "content": "Be short."}], "messages"),
        ([{"role": "user", "content": "\ud800"}], "messages"),
        ([{"role": "system", "content": ""}], "messages"),
        ([{"role": "assistant", "tool_calls": [{}]}], "messages[0].tool_calls"),
    ],
)
def test_wrong_messages_are_refused_with_their_place(messages, param):
    error = refused(messages)
    assert param in (None, error.param)


@pytest.mark.parametrize(
    "values",
    [
        {"tools": [{"type": "function"}]},
        {"tool_choice": "required"},
        {"functions": [{}]},
        {"response_format": {"type": "json_object"}},
        {"modalities": ["text", "audio"]},
        {"audio": {"voice": "alloy"}},
    ],
)
def test_what_the_model_cannot_do_is_refused_in_words(values):
    [name] = values
    error = refused(**values)
    assert error.param == name
    assert f"{name} is not supported: the model" in error.message


def test_requests_for_nothing_special_are_accepted():
    parsed(tools=[], tool_choice="none", response_format={"type": "text"}, modalities=["text"])
    parsed(store=True, metadata={"a": "b"}, parallel_tool_calls=True)
