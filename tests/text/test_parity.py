"""What others read in our ``tokenizer.json``: the ``tokenizers`` library, on any text."""

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Reference

from scratchgpt.text import ByteTokenizer, CharacterTokenizer, train_bpe

# Newlines, control characters, combining marks, CJK, joined emoji, astral and invisible characters.
STRANGE = [
    *("\n", "\r", "\r\n", "\t", "\x00", "\x0b", "\x1b", "\x7f", "\x85", "\xa0", "\xad"),
    *("\u0301", "e\u0301", "é", "\u200b", "\u200d", "\u2028", "\u3000", "\ufeff", "\ufffd"),
    *("中", "あ", "한", "ا", "ß", "İ", "ﬁ", "👩\u200d👧", "𝒜", "\U0010ffff", "'ll", "42", "a", "A"),
    *(" ", " " * 17, " " * 300, "<|endoftext|>"),
]
TEXTS = st.lists(st.sampled_from(STRANGE) | st.text(max_size=5), max_size=30).map("".join)


def by_library(tokenizer):
    return Reference.from_str(json.dumps(tokenizer.to_json()))


BYTES = ByteTokenizer()
BPE = train_bpe(["".join(STRANGE) * 3, "the cat's hat, the cat's mat\n  " * 30], 400)
READ = {tokenizer.kind: by_library(tokenizer) for tokenizer in (BYTES, BPE)}


def assert_same(tokenizer, library, text):
    tokens = tokenizer.encode(text)
    ids = library.encode(text, add_special_tokens=False).ids
    np.testing.assert_array_equal(tokens, np.array(ids, np.int64))
    assert library.decode(ids) == tokenizer.decode(tokens) == text


@given(TEXTS)
@example("".join(STRANGE))
def test_characters_are_the_same_to_others(text):
    tokenizer = CharacterTokenizer(text + "a")
    assert_same(tokenizer, by_library(tokenizer), text)


@pytest.mark.parametrize("tokenizer", [BYTES, BPE], ids=["bytes", "bpe"])
@given(text=TEXTS)
@example(text="".join(STRANGE).replace("<|endoftext|>", ""))
def test_bytes_and_bpe_are_the_same_to_others(tokenizer, text):
    # To others the name of the end of text is that token, to us it is text.
    assert_same(tokenizer, READ[tokenizer.kind], text.replace("<|endoftext|>", ""))
    assert tokenizer.decode(tokenizer.encode(text)) == text


END_OF_CHARACTERS = CharacterTokenizer("".join(STRANGE), end_of_text=True, padding=True)


@pytest.mark.parametrize("tokenizer", [BYTES, BPE, END_OF_CHARACTERS], ids=lambda t: t.kind)
@given(parts=st.lists(st.sampled_from([*STRANGE, "<|padding|>", "<|end", "oftext|>"]), max_size=30))
def test_names_of_special_tokens_can_be_read_as_others_read_them(tokenizer, parts):
    text = "".join(parts)
    ids = by_library(tokenizer).encode(text, add_special_tokens=False).ids
    np.testing.assert_array_equal(tokenizer.encode_marked(text), np.array(ids, np.int64))


@given(st.lists(st.integers(0, BPE.vocab_size - 1), max_size=20))
def test_any_ids_are_the_same_text_to_others(tokens):
    assert READ["bpe"].decode(tokens) == BPE.decode(tokens)
    content = [token % 256 for token in tokens]
    assert READ["bytes"].decode(content) == BYTES.decode(content)


@given(TEXTS)
def test_a_library_that_is_told_that_text_is_data_agrees_on_the_name_of_the_end_of_text(text):
    library = by_library(BPE)
    library.encode_special_tokens = True
    ids = library.encode(text, add_special_tokens=False).ids
    np.testing.assert_array_equal(BPE.encode(text), np.array(ids, np.int64))
