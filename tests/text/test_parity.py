"""Our ``tokenizer.json`` files, read by the ``tokenizers`` library, on any text."""

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
def test_the_library_reads_character_tokenizers_identically(text):
    tokenizer = CharacterTokenizer(text + "a")
    assert_same(tokenizer, by_library(tokenizer), text)


@pytest.mark.parametrize("tokenizer", [BYTES, BPE], ids=["bytes", "bpe"])
@given(text=TEXTS)
@example(text="".join(STRANGE).replace("<|endoftext|>", ""))
def test_the_library_reads_byte_and_bpe_tokenizers_identically(tokenizer, text):
    # The library reads the name of the end of text as a token, ``encode`` reads it as text.
    assert_same(tokenizer, READ[tokenizer.kind], text.replace("<|endoftext|>", ""))
    assert tokenizer.decode(tokenizer.encode(text)) == text


END_OF_CHARACTERS = CharacterTokenizer("".join(STRANGE), end_of_text=True, padding=True)


@pytest.mark.parametrize("tokenizer", [BYTES, BPE, END_OF_CHARACTERS], ids=lambda t: t.kind)
@given(parts=st.lists(st.sampled_from([*STRANGE, "<|padding|>", "<|end", "oftext|>"]), max_size=30))
def test_encode_marked_reads_special_tokens_like_the_library(tokenizer, parts):
    text = "".join(parts)
    ids = by_library(tokenizer).encode(text, add_special_tokens=False).ids
    np.testing.assert_array_equal(tokenizer.encode_marked(text), np.array(ids, np.int64))


@given(st.lists(st.integers(0, BPE.vocab_size - 1), max_size=20))
def test_the_library_decodes_any_ids_identically(tokens):
    assert READ["bpe"].decode(tokens) == BPE.decode(tokens)
    content = [token % 256 for token in tokens]
    assert READ["bytes"].decode(content) == BYTES.decode(content)


@given(TEXTS)
def test_the_library_agrees_on_end_of_text_if_it_encodes_special_tokens_as_text(text):
    library = by_library(BPE)
    library.encode_special_tokens = True
    ids = library.encode(text, add_special_tokens=False).ids
    np.testing.assert_array_equal(BPE.encode(text), np.array(ids, np.int64))
