"""Tests for every kind of tokenizer."""

import json

import numpy as np
import pytest
from tokenizers import Tokenizer as Reference

from scratchgpt.errors import UserError
from scratchgpt.text import ByteTokenizer, CharacterTokenizer, load_tokenizer, train_bpe

# Different newlines, several spaces, an astral character, a combining mark and a tab.
TEXT = "Hé!\r\n\n  e\u0301 plus 😀\tone — two\n"


def make(kind):
    if kind == "characters":
        return CharacterTokenizer(TEXT)
    if kind == "characters, end of text":
        return CharacterTokenizer(TEXT, end_of_text=True)
    if kind == "characters, padding":
        return CharacterTokenizer(TEXT, end_of_text=True, padding=True)
    texts = [TEXT * 9, "one two " * 9]
    return ByteTokenizer() if kind == "bytes" else train_bpe(texts, 280, padding="padding" in kind)


@pytest.fixture(
    scope="module",
    params=[
        "characters",
        "characters, end of text",
        "characters, padding",
        "bytes",
        "bpe",
        "bpe, padding",
    ],
    name="tokenizer",
)
def _tokenizer(request):
    return make(request.param)


def test_decoding_inverts_encoding(tokenizer):
    tokens = tokenizer.encode(TEXT)
    assert tokens.dtype == np.int64
    assert tokens.ndim == 1
    assert tokenizer.decode(tokens) == TEXT
    assert tokenizer.decode(tokens.tolist()) == TEXT


def test_an_empty_text_has_no_tokens(tokenizer):
    tokens = tokenizer.encode("")
    assert (tokens.dtype, tokens.shape) == (np.int64, (0,))
    assert tokenizer.decode(tokens) == tokenizer.decode([]) == ""
    assert tokenizer.n_bytes(tokens) == tokenizer.n_bytes([]) == 0


def test_the_bytes_of_tokens_join_to_those_of_the_text(tokenizer):
    tokens = tokenizer.encode(TEXT)
    assert b"".join(tokenizer.token_bytes(t) for t in tokens.tolist()) == TEXT.encode()
    assert tokenizer.n_bytes(tokens) == len(TEXT.encode())
    every = np.arange(tokenizer.vocab_size)
    assert tokenizer.n_bytes(every) == sum(len(tokenizer.token_bytes(t)) for t in every.tolist())


def test_ids_run_from_0_to_the_size_of_the_vocabulary(tokenizer):
    tokens = tokenizer.encode(TEXT)
    assert tokens.min() >= 0
    assert tokens.max() < tokenizer.vocab_size
    for outside in (-1, tokenizer.vocab_size):
        for use in (tokenizer.token_bytes, lambda t: tokenizer.decode([0, t])):
            with pytest.raises(UserError, match=f"no token {outside}; .* 0 to"):
                use(outside)
        with pytest.raises(UserError, match=f"no token {outside}"):
            tokenizer.n_bytes(np.array([0, outside]))


def test_the_saved_file_gives_the_same_ids_and_text_in_the_tokenizers_library(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "tokenizer.json")
    reference = Reference.from_file(str(tmp_path / "tokenizer.json"))
    ids = reference.encode(TEXT, add_special_tokens=False).ids
    assert ids == tokenizer.encode(TEXT).tolist()
    assert reference.decode(ids) == TEXT
    assert reference.get_vocab_size() == tokenizer.vocab_size
    assert reference.token_to_id("<|endoftext|>") == tokenizer.end_of_text
    assert reference.token_to_id("<|padding|>") == tokenizer.padding


@pytest.mark.parametrize("by_library", [False, True])
def test_a_loaded_tokenizer_is_the_saved_one(tokenizer, tmp_path, by_library):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    if by_library:  # its files have more fields, in a different order
        Reference.from_file(str(path)).save(str(path))
    for loaded in (load_tokenizer(path), load_tokenizer(str(tmp_path))):
        assert type(loaded) is type(tokenizer)
        assert loaded.kind == tokenizer.kind
        assert loaded.vocab_size == tokenizer.vocab_size
        assert loaded.end_of_text == tokenizer.end_of_text
        assert loaded.padding == tokenizer.padding
        np.testing.assert_array_equal(loaded.encode(TEXT), tokenizer.encode(TEXT))
        assert loaded.decode(loaded.encode(TEXT)) == TEXT
        if not by_library:
            assert loaded.fingerprint == tokenizer.fingerprint


def test_names_of_special_tokens_are_text_and_the_tokens_have_no_bytes(tokenizer):
    text = TEXT if tokenizer.kind == "characters" else f"a<|endoftext|>b<|padding|>{TEXT}"
    tokens = tokenizer.encode(text)
    for special in (tokenizer.end_of_text, tokenizer.padding):
        assert special not in tokens
        assert tokenizer.decode(tokens) == text
        if special is not None:
            assert tokenizer.token_bytes(special) == b""
            assert tokenizer.decode([*tokens, special]) == text


def test_encode_all_equals_encode_for_each_text(tokenizer):
    texts = [TEXT, "", "one", TEXT[3:]]
    for tokens, text in zip(tokenizer.encode_all(texts), texts, strict=True):
        assert tokens.dtype == np.int64
        np.testing.assert_array_equal(tokens, tokenizer.encode(text))
    assert tokenizer.encode_all([]) == []


def test_the_error_of_encode_all_has_the_position_within_the_text(tokenizer):
    with pytest.raises(UserError, match=r"character 1 .*U\+DC80|U\+DC80.*character 1"):
        tokenizer.encode_all(["one", "o\udc80"])


def test_a_lone_surrogate_is_refused_with_its_position(tokenizer):
    with pytest.raises(UserError, match=r"U\+DC80") as caught:
        tokenizer.encode("o\udc80")
    assert "character 1" in str(caught.value)


def test_fingerprints_depend_only_on_the_vocabulary():
    assert CharacterTokenizer("ab").fingerprint == CharacterTokenizer("ba").fingerprint
    others = [CharacterTokenizer("ab"), CharacterTokenizer("abc"), ByteTokenizer()]
    others.append(CharacterTokenizer("ab", end_of_text=True))
    others.append(CharacterTokenizer("ab", padding=True))
    assert len({tokenizer.fingerprint for tokenizer in others}) == 5


def test_a_damaged_or_unsupported_file_is_refused_with_its_name(tmp_path):
    path = tmp_path / "tokenizer.json"
    with pytest.raises(UserError, match=r"there is no tokenizer at .*tokenizer\.json"):
        load_tokenizer(tmp_path)
    whole = CharacterTokenizer("abc").to_json()
    damaged = {
        "cannot read": ["", '{"version": "1.0', "\udcff"],
        "is damaged": [
            "[]",
            "{}",
            json.dumps({**whole, "model": {"type": "WordLevel"}}),
            json.dumps({**whole, "model": {**whole["model"], "vocab": {"a": 1, "b": 0}}}),
            json.dumps({**whole, "model": {**whole["model"], "vocab": {"ab": 0}}}),
            json.dumps({**whole, "added_tokens": [{"id": 3, "content": "<pad>"}]}),
            json.dumps(
                {
                    "model": {"type": "BPE", "merges": 3, "vocab": {}},
                    "added_tokens": [],
                    "pre_tokenizer": None,
                    "decoder": {"type": "ByteLevel"},
                }
            ),
        ],
        "is an unsupported kind of tokenizer": [
            json.dumps({**whole, "pre_tokenizer": {"type": "Whitespace"}}),
            json.dumps({**whole, "model": {"type": "Unigram", "vocab": [["a", -1.0]]}}),
        ],
    }
    for message, contents in damaged.items():
        for content in contents:
            path.write_bytes(content.encode("utf-8", "surrogateescape"))
            with pytest.raises(UserError, match=message) as caught:
                load_tokenizer(path)
            assert str(path) in str(caught.value)
            assert "\n" not in str(caught.value)
