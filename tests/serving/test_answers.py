import pytest

from scratchgpt.chat.pieces import Piece, SampledToken
from scratchgpt.serving.answers import ChatAnswers, CompletionAnswers, Part
from scratchgpt.serving.fields import Fields
from scratchgpt.serving.generation_fields import parse_options
from scratchgpt.serving.limits import Limits
from scratchgpt.serving.token_texts import TokenTexts


@pytest.fixture
def make(tokenizer):
    def make(shape, with_log_probs=False, **values):
        options = parse_options(Fields(values), Limits(), None)
        return shape("m", TokenTexts(tokenizer), options, with_log_probs)

    return make


@pytest.fixture
def parts(tokenizer):
    """Two answers to one prompt of 7 tokens; one ends by a token, the other at its length."""
    a, b = (SampledToken(int(tokenizer.encode(text)[0]), -1.0) for text in "ab")
    return [
        Part(0, Piece("a", (a,), 7, 5, 1)),
        Part(0, Piece("", (b,), 7, 5, 2)),
        Part(0, Piece("b", (), 7, 5, 3, 0, "stop")),
        Part(1, Piece("b", (b,), 7, 0, 1, 0, "length")),
    ]


def test_a_whole_chat(make, parts):
    answers = make(ChatAnswers, n=2)
    for part in parts:
        answers.add(part)
    whole = answers.whole()
    assert whole["object"] == "chat.completion"
    assert whole["id"].startswith("chatcmpl-")
    assert [one["message"]["content"] for one in whole["choices"]] == ["ab", "b"]
    assert [one["finish_reason"] for one in whole["choices"]] == ["stop", "length"]
    assert [one["index"] for one in whole["choices"]] == [0, 1]
    assert [one["logprobs"] for one in whole["choices"]] == [None, None]
    assert whole["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 4,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 2},
    }


def test_the_finish_reason_of_a_stream_is_null_until_the_last_chunk_of_an_answer(make, parts):
    answers = make(ChatAnswers, n=2, stream=True, stream_options={"include_usage": True})
    chunks = [chunk for part in parts for chunk in answers.chunks(part)]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert [(one["index"], one["finish_reason"]) for one in choices] == [
        *[(0, None)] * 3,
        (0, "stop"),
        *[(1, None)] * 2,
        (1, "length"),
    ]
    deltas = [one["delta"] for one in choices]
    begin = {"role": "assistant", "content": "", "refusal": None}
    assert deltas == [begin, {"content": "a"}, {"content": "b"}, {}, begin, {"content": "b"}, {}]
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert all(chunk["usage"] is None for chunk in chunks)
    [last] = answers.end()
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 11


def test_the_usage_is_sent_only_on_request(make, parts):
    answers = make(ChatAnswers, n=2, stream=True)
    chunks = [chunk for part in parts for chunk in answers.chunks(part)]
    assert not any("usage" in chunk for chunk in chunks)
    assert list(answers.end()) == []


def test_log_probabilities_have_each_token_once(make, parts):
    answers = make(ChatAnswers, True, n=2)
    chunks = [chunk for part in parts for chunk in answers.chunks(part)]
    log_probs = [one["logprobs"] for chunk in chunks for one in chunk["choices"]]
    streamed = [entry["token"] for one in log_probs if one for entry in one["content"]]
    assert streamed == ["a", "b", "b"]
    whole = answers.whole()["choices"]
    assert [e["token"] for one in whole for e in one["logprobs"]["content"]] == streamed


def test_completions_have_the_older_shape(make, parts):
    answers = make(CompletionAnswers, True, n=2)
    chunks = [chunk for part in parts for chunk in answers.chunks(part)]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert [one["text"] for one in choices] == ["a", "", "b", "b"]
    assert [one["finish_reason"] for one in choices] == [None, None, "stop", "length"]
    assert [one["logprobs"]["text_offset"] for one in choices] == [[0], [1], [], [0]]
    whole = answers.whole()
    assert whole["object"] == "text_completion"
    assert [one["text"] for one in whole["choices"]] == ["ab", "b"]
    assert whole["choices"][0]["logprobs"]["text_offset"] == [0, 1]
    assert whole["choices"][0]["logprobs"]["tokens"] == ["a", "b"]


def test_the_prompts_of_several_completions_are_counted_once_each(make):
    answers = make(CompletionAnswers, n=2)
    for choice, n_prompt in enumerate([3, 3, 5, 5]):
        answers.add(Part(choice, Piece("", (), n_prompt, 1, 1, 0, "length")))
    assert answers.whole()["usage"]["prompt_tokens"] == 8
    assert answers.whole()["usage"]["prompt_tokens_details"] == {"cached_tokens": 6}


def test_an_answer_that_took_too_long_is_cut(make):
    answers = make(ChatAnswers)
    *_, last = answers.chunks(Part(0, Piece("a", (), 3, 3, 1, 0, "canceled")))
    assert last["choices"][0]["finish_reason"] == "length"
    assert answers.whole()["choices"][0]["finish_reason"] == "length"
