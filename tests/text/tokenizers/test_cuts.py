"""Tokenizers of any settings: the tokens of a corpus are the tokens of its text."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.text import BPETokenizer, ByteTokenizer, CharacterTokenizer, prepare
from scratchgpt.text.corpora import documents, pieces
from scratchgpt.text.corpora.pieces import cut_between_words
from scratchgpt.text.tokenizers import cuts
from scratchgpt.text.tokenizers.byte_level import BYTE_TO_CHARACTER
from scratchgpt.text.tokenizers.cuts import BEFORE_NEWLINE, BEFORE_SPACE
from scratchgpt.text.tokenizers.tokenizer import base_json

PARTS = [
    *("the", "cat's", "'s", "new", "york", "<a>", "<b>", "42", "7", "é", "e\u0301", "\u0301"),
    *("中文", "。", ".", "...", "'", "_", "/", "ß", "😀", "\u00ad", "\x00", "\x7f", "\x1c"),
    *("\u200b", "x" * 9, " ", " ", " ", "  ", "\n", "\n", "\n\n", "\r\n", "\t", " \n", "\n "),
    *("\u3000", "\xa0", "\x85"),
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)
# Merges within words and across their ends, so that each cut matters.
MERGES = [
    *("Ġ Ġ", "ĠĠ Ġ", "Ċ Ċ", ". Ċ", "Ċ Ġ", "Ġ Ċ", "s Ċ", "x Ġ", "e Ġ", "' s", "4 2", "ã Ģ", "ãĢ Ĥ"),
    *("n e", "t h", "th e", "Ġ the", "Ċ the", "c a", "ca t", "Ġ cat", "the Ġcat", "ne w", "> Ċ"),
    *(
        "< a",
        "Ġ <a",
        "x x",
        "xx xx",
        "Ì ģ",
        "e Ìģ",
        "Ã ©",
        "Ġ .",
        ". Ġ",
        "ĠĠ x",
        "7 Ċ",
        "/ Ċ",
        "Ċ x",
    ),
]


def level(prefix=False, regex=True):
    return {
        "type": "ByteLevel",
        "add_prefix_space": prefix,
        "trim_offsets": True,
        "use_regex": regex,
    }


def split(pattern, behavior="Isolated"):
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": behavior,
        "invert": behavior == "Removed",
    }


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def added(content, **flags):
    flags = {**dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False), **flags}
    return {"content": content, **flags, "special": False}


def content_of_bpe():
    names = [*BYTE_TO_CHARACTER.values(), *(merge.replace(" ", "") for merge in MERGES)]
    vocab = {name: i for i, name in enumerate(names)}
    model = {"type": "BPE", "vocab": vocab, "merges": [merge.split(" ") for merge in MERGES]}
    return base_json(decoder=level(), model=model)


def bpe(pre_tokenizer=None, tokens=(), **parts):
    content = {**content_of_bpe(), "pre_tokenizer": pre_tokenizer or level(), **parts}
    n = len(content["model"]["vocab"])
    content["added_tokens"] = [{**token, "id": n + i} for i, token in enumerate(tokens)]
    return BPETokenizer(content)


DIGITS = {"type": "Digits", "individual_digits": True}
PUNCTUATION = {"type": "Punctuation", "behavior": "MergedWithNext"}
CLEAN = {
    "type": "BertNormalizer",
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}
CUT = {
    "characters": CharacterTokenizer("".join(PARTS)),
    "bytes": ByteTokenizer(),
    "GPT-1": bpe({"type": "BertPreTokenizer"}, normalizer=CLEAN),
    "GPT-2": bpe(),
    "prefix space": bpe(level(prefix=True)),
    "split of GPT-2": bpe(sequence(split(cuts._GPT2), level(regex=False))),
    "split of GPT-2, prefix space": bpe(sequence(split(cuts._GPT2), level(prefix=True))),
    **{
        f"published pattern {i}": bpe(sequence(split(pattern, how), level(regex=False)))
        for i, pattern in enumerate(cuts._PATTERNS)
        for how in ("Isolated", "Removed")
    },
    "NFC": bpe(normalizer={"type": "NFC"}),
    "lower case": bpe(
        level(prefix=True),
        normalizer={"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}]},
    ),
    "digits": bpe(sequence(DIGITS, PUNCTUATION, level())),
    "digits, prefix space": bpe(sequence(PUNCTUATION, DIGITS, level(prefix=True), DIGITS)),
    "words": bpe(sequence({"type": "Whitespace"}, level()), normalizer=CLEAN),
    "added tokens": bpe(tokens=[added("<a>"), added("  "), added("\n\n"), added(" the")]),
    "added token that strips": bpe(level(prefix=True), tokens=[added("<a>", lstrip=True)]),
}
# With a text that would get other tokens if it were cut before spaces and newlines.
WHOLE = {
    "no words": (bpe(level(regex=False)), "the cat"),
    "unknown pattern": (bpe(sequence(split("[a-z ]+"), level(regex=False))), "the cat"),
    "removes characters": (bpe(normalizer=CLEAN), "x  \x00  x"),
    "strips": (bpe(normalizer={"type": "Strip", "strip_left": True, "strip_right": True}), "x x"),
    "replaces": (
        bpe(normalizer={"type": "Replace", "pattern": {"String": " "}, "content": "e"}),
        "th cat",
    ),
    "added token with a space": (bpe(tokens=[added("new york")]), "in new york"),
    "added token with a newline": (bpe(tokens=[added("<a>\n")]), "the <a>\ncat"),
    "added token that strips": (bpe(tokens=[added("<a>", rstrip=True)]), "the <a> cat"),
    "added token that is a word": (bpe(tokens=[added(" the", single_word=True)]), "cat the"),
}


def tokens_of_pieces(tokenizer, text, size, allowed):
    blocks = (text[i : i + size] for i in range(0, len(text), size))
    with mock.patch.object(pieces, "LONGEST_PIECE", 6):
        found = list(cut_between_words(blocks, allowed))
    assert "".join(found) == text
    encode = [tokenizer.encode, *[tokenizer.encode_next] * len(found)]
    pairs = zip(found, encode, strict=False)
    return found, [token for piece, one in pairs for token in one(piece).tolist()]


@pytest.mark.parametrize("name", CUT)
@settings(max_examples=60)
@given(text=TEXTS, size=st.integers(1, 9))
@example(text="".join(PARTS), size=3)
@example(text="the\nthe\n\nthe.\nthe 7\nthe", size=4)
def test_the_tokens_of_the_pieces_are_those_of_the_text(name, text, size):
    tokenizer = CUT[name]
    assert tokenizer.cuts
    _, tokens = tokens_of_pieces(tokenizer, text, size, tokenizer.cuts)
    assert tokens == tokenizer.encode(text).tolist()


@pytest.mark.parametrize("name", CUT)
def test_text_with_spaces_is_cut(name):
    found, _ = tokens_of_pieces(CUT[name], "the cat " * 20, 9, CUT[name].cuts)
    assert len(found) > 10


@pytest.mark.parametrize("name", WHOLE)
def test_tokenizers_that_a_cut_would_change_get_the_whole_text(name):
    tokenizer, text = WHOLE[name]
    assert tokenizer.cuts == ()
    found, tokens = tokens_of_pieces(tokenizer, text, 3, tokenizer.cuts)
    assert found == [text]
    assert tokens == tokenizer.encode(text).tolist()
    _, tokens = tokens_of_pieces(tokenizer, text, 1, (BEFORE_SPACE, BEFORE_NEWLINE))
    assert tokens != tokenizer.encode(text).tolist()


def test_a_prefix_space_is_added_to_a_text_and_not_to_its_lines():
    tokenizer, text = CUT["prefix space"], "中文。\n中文。\n中文。"
    _, tokens = tokens_of_pieces(tokenizer, text, 3, tokenizer.cuts)
    assert tokenizer.decode(tokens) == " " + text
    _, tokens = tokens_of_pieces(tokenizer, text, 3, CUT["GPT-2"].cuts)
    assert tokenizer.decode(tokens) == " 中文。 \n中文。 \n中文。"


@pytest.mark.parametrize(
    "tokenizer",
    [CUT["prefix space"], WHOLE["added token with a space"][0], CUT["published pattern 1"]],
)
def test_the_tokens_of_a_corpus_are_those_of_its_documents(write, monkeypatch, tokenizer):
    monkeypatch.setattr(documents, "BLOCK", 7)
    monkeypatch.setattr(pieces, "LONGEST_PIECE", 9)
    texts = ["中文。\n中文。\n中文。", "in new york\nnew york", "\ufeffthe cat", "x" * 50]
    corpus = prepare([write(f"{i}.txt", text) for i, text in enumerate(texts)], tokenizer)
    expected = [tokenizer.encode(text.removeprefix("\ufeff")) for text in texts]
    tokens = corpus.tokens.read(0, len(corpus.tokens))
    np.testing.assert_array_equal(tokens, np.concatenate(expected))


@pytest.mark.parametrize("name", ["prefix space", "GPT-2", "no words"])
def test_a_text_that_is_too_long_to_be_encoded_as_a_whole_is_refused(write, monkeypatch, name):
    monkeypatch.setattr(documents, "BLOCK", 7)
    monkeypatch.setattr(pieces, "LONGEST_WHOLE", 40)
    tokenizer = CUT[name] if name in CUT else WHOLE[name][0]
    path = write("a.txt", "x" * 50)
    with pytest.raises(UserError, match=r"a\.txt has more than 40 characters .*; split the file"):
        prepare([path], tokenizer)
