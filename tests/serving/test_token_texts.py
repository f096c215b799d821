import pytest

from scratchgpt.chat.pieces import SampledToken
from scratchgpt.serving.token_texts import TokenTexts
from scratchgpt.text import ByteTokenizer


@pytest.fixture
def texts(tokenizer):
    return TokenTexts(tokenizer)


def test_special_tokens_are_shown_by_name_and_parts_of_characters_by_bytes(texts, tokenizer):
    end = tokenizer.special_token("<|end|>")
    [a], e = tokenizer.encode("a"), tokenizer.encode("ÿ")[0]
    sampled = SampledToken(int(a), -0.5, ((end, -0.25), (int(e), float("-inf"))))
    entry = texts.chat_entry(sampled)
    assert entry["token"] == "a"
    assert (entry["logprob"], entry["bytes"]) == (-0.5, [97])
    assert entry["top_logprobs"] == [
        {"token": "<|end|>", "logprob": -0.25, "bytes": None},
        {"token": "�", "logprob": -9999.0, "bytes": [0xC3]},
    ]
    fields = texts.completion_fields([sampled], [7])
    assert fields == {
        "tokens": ["a"],
        "token_logprobs": [-0.5],
        "top_logprobs": [{"<|end|>": -0.25, "bytes:\\xc3": -9999.0, "a": -0.5}],
        "text_offset": [7],
    }


def test_a_tokenizer_without_special_tokens():
    tokenizer = ByteTokenizer()
    entry = TokenTexts(tokenizer).chat_entry(SampledToken(97, -1.0))
    assert entry["token"] == "a"
