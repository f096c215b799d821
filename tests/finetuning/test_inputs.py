import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.finetuning import InputRows
from scratchgpt.models import GPTClassifierConfig
from scratchgpt.text import ByteTokenizer

S, D, E = 256, 257, 258


def inputs(problem, block_size=12, **changes):
    config = GPTClassifierConfig(problem=problem, block_size=block_size, vocab_size=259, **changes)
    return InputRows(ByteTokenizer(), config)


def spell(rows):
    """Show tokens as characters, and the three special tokens as S, $ and E."""
    names = {S: "S", D: "$", E: "E"}
    return ["".join(names.get(int(t), chr(t)) for t in row) for row in rows]


@pytest.mark.parametrize(
    ("problem", "texts", "rows"),
    [
        ("classification", ("abc",), ["SabcE"]),
        ("entailment", ("ab", "c"), ["Sab$cE"]),
        ("paraphrase", ("ab", "c"), ["Sab$cE", "Sc$abE"]),
        ("similarity", ("ab", "c"), ["Sab$cE", "Sc$abE"]),
        ("choice", ("ab", "c", "de"), ["Sab$cE", "Sab$deE"]),
    ],
)
def test_the_transformations_are_those_of_figure_1(problem, texts, rows):
    encode = inputs(problem)
    assert spell(encode([texts])[0]) == rows
    assert encode.n_cut == 0


def test_a_text_that_spells_a_special_token_stays_text():
    [[row]] = inputs("classification", 40)([("<|extract|> é S$E",)])
    assert np.isin(row, (S, D, E)).sum() == 2


@pytest.mark.parametrize(
    ("texts", "row"),
    [
        (("aaaaaaaaaa", "bbbbbbbbbb"), "Saaaa$bbbbE"),  # room for 9 tokens: 4 each
        (("aa", "bbbbbbbbbb"), "Saa$bbbbbbbE"),
        (("aaaaaaaaaa", "bb"), "Saaaaaaa$bbE"),
        (("aaaa", "bbbbb"), "Saaaa$bbbbbE"),
    ],
)
def test_a_long_pair_is_cut_so_that_the_special_tokens_stay(texts, row):
    encode = inputs("entailment")
    assert spell(encode([texts])[0]) == [row]
    assert encode.n_cut == (sum(map(len, texts)) > 9)


@pytest.mark.parametrize("block_size", range(5, 12))
def test_both_orders_have_the_same_texts_and_never_too_many_tokens(block_size):
    rng = np.random.default_rng(block_size)
    for _ in range(20):
        one, other = ("x" * int(n) for n in rng.integers(1, 12, 2))
        encode = inputs("paraphrase", block_size)
        first, second = spell(encode([(one, other)])[0])
        assert len(first) <= block_size
        assert first[0] + first[-1] == "SE"
        parts = first[1:-1].split("$")
        assert second == f"S{parts[1]}${parts[0]}E"
        assert all(parts)


def test_examples_that_are_cut_are_counted_once():
    encode = inputs("choice", 7)
    rows = encode([("abcdefg", "a", "b"), ("a", "b", "c"), ("a", "b", "cdefgh")])
    assert encode.n_cut == 2
    assert spell(rows[0]) == ["Sabc$aE", "Sabc$bE"]


@pytest.mark.parametrize(("problem", "least"), [("classification", 3), ("choice", 5)])
def test_a_context_that_is_too_short_is_refused(problem, least):
    inputs(problem, least)
    with pytest.raises(UserError, match=f"block_size={least - 1} is too short for {problem}"):
        inputs(problem, least - 1)
