import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.text import train_bpe
from scratchgpt.text.corpora import pieces
from scratchgpt.text.corpora.pieces import cut_between_words
from scratchgpt.text.tokenizers.bpe import BPETokenizer

WORDS = ["the", "cat's", "42", "é", "e\u0301", "中文", "😀", "...", "'", "<|endoftext|>"]
WHITE = [" ", "  ", "\n", "\n\n", "\r\n", "\t", " \n", "\n ", "\u3000", "\xa0", "\x1c", "\x85"]
TEXTS = st.lists(st.sampled_from(WORDS + WHITE), max_size=40).map("".join)
BPE = train_bpe([" the cat's on the\n\n  mat, 42 中文 " * 9], 300)


def blocks(text, size):
    return (text[i : i + size] for i in range(0, len(text), size))


def cut(text, size):
    return list(cut_between_words(blocks(text, size)))


def like_gpt4():
    """BPE with the pre-tokenizer of GPT-4 and Llama 3, which attaches newlines to punctuation."""
    pattern = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+"
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
    level = {"add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    words = [{**split, "invert": False}, {"type": "ByteLevel", **level}]
    content = copy.deepcopy(BPE.to_json())
    content["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": words}
    content["model"]["vocab"][".Ċ"] = BPE.vocab_size  # a full stop at the end of its line
    content["model"]["merges"].insert(0, [".", "Ċ"])
    return BPETokenizer(content)


@given(TEXTS, st.integers(1, 9))
def test_pieces_join_to_the_text(text, size):
    found = cut(text, size)
    assert "".join(found) == text
    assert all(found)


@given(TEXTS, st.integers(1, 9))
def test_pieces_start_with_white_space_that_follows_a_word(text, size):
    for before, after in zip(cut(text, size), cut(text, size)[1:], strict=False):
        assert after[0] in " \n"
        assert not before[-1].isspace()


@given(TEXTS, st.integers(1, 9))
def test_the_tokens_of_the_pieces_equal_those_of_the_whole(text, size):
    tokens = [BPE.encode(piece) for piece in cut(text, size)]
    np.testing.assert_array_equal(np.concatenate([[], *tokens]), BPE.encode(text))


def test_cutting_elsewhere_would_change_the_tokens():
    """The test above can fail: other cuts change the tokens."""
    assert len(BPE.encode(" the")) < len(BPE.encode(" t")) + len(BPE.encode("he"))
    apart = [*BPE.encode("\n"), *BPE.encode("\n  mat")]
    assert apart != BPE.encode("\n\n  mat").tolist()


def test_tokens_that_include_a_newline_are_not_cut_if_the_text_has_spaces():
    tokenizer, text = like_gpt4(), "the cat.\nthe mat.\n" * 9
    tokens = [tokenizer.encode(piece) for piece in cut(text, 20)]
    assert len(tokens) > 5
    assert tokenizer.vocab_size - 1 in tokens[0]
    np.testing.assert_array_equal(np.concatenate(tokens), tokenizer.encode(text))


def test_a_text_without_spaces_is_cut_at_newlines(monkeypatch):
    assert cut("one\ntwo\nthree", 7) == ["one\ntwo\nthree"]
    monkeypatch.setattr(pieces, "LONGEST_PIECE", 5)
    assert cut("one\ntwo\nthree", 7) == ["one", "\ntwo", "\nthree"]


@pytest.mark.parametrize("character", ["x", "中", " ", "\n"])
def test_text_without_word_ends_is_cut_at_the_longest_piece(monkeypatch, character):
    monkeypatch.setattr(pieces, "LONGEST_PIECE", 10)
    found = cut(character * 1000, 4)
    assert "".join(found) == character * 1000
    assert max(map(len, found)) < 10 + 4
