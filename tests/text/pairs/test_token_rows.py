import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.text import (
    ByteTokenizer,
    CharacterTokenizer,
    TokenPairs,
    TokenRows,
    encode_pairs,
    read_pairs,
    train_bpe,
)

VOCAB, END, PAD = 300, 298, 299
ROWS = st.lists(st.lists(st.integers(0, 297), max_size=6), min_size=1, max_size=9)


def make(lists):
    return TokenRows.of([np.array(row, np.int64) for row in lists], VOCAB)


@given(ROWS)
def test_rows_are_stored_and_recovered(lists):
    rows = make(lists)
    assert [row.tolist() for row in rows] == lists
    assert rows[len(rows) - 1].dtype == np.int64
    assert rows.tokens.dtype == np.uint16
    assert rows.lengths.tolist() == [len(row) for row in lists]


def test_there_is_no_row_after_the_last():
    rows = make([[1, 2], [3]])
    for outside in (2, -3):
        with pytest.raises(IndexError):
            rows[outside]
    assert rows[-1].tolist() == [3]


@given(ROWS, st.data())
def test_take_keeps_the_given_order(lists, data):
    numbers = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=12))
    taken = make(lists).take(np.array(numbers, np.int64))
    assert [row.tolist() for row in taken] == [lists[i] for i in numbers]


@given(ROWS, st.data())
def test_rows_are_padded_after_their_end(lists, data):
    numbers = data.draw(st.lists(st.integers(0, len(lists) - 1), min_size=1, max_size=12))
    block = make(lists).padded(np.array(numbers), end=END, padding=PAD)
    assert block.dtype == np.int64
    longest = max(len(lists[i]) for i in numbers)
    expected = [[*lists[i], END, *[PAD] * (longest - len(lists[i]))] for i in numbers]
    assert block.tolist() == expected


def test_an_empty_collection_of_rows_is_allowed():
    assert len(make([])) == 0
    assert len(make([]).tokens) == 0


def test_lengths_that_do_not_match_the_tokens_are_refused():
    with pytest.raises(ValueError, match="got 3 tokens, but the lengths sum to 4"):
        TokenRows(np.arange(3), np.array([2, 2]))


@pytest.fixture
def text(write):
    return read_pairs([write("a.tsv", "Männer\tmen\nHund\tdog\nund so weiter\tand so on\n")])


def test_a_text_is_encoded_side_by_side(text):
    tokenizers = [
        CharacterTokenizer("".join([*text.source, *text.target]), end_of_text=True, padding=True),
        train_bpe([*text.source, *text.target], 270, padding=True),
        ByteTokenizer(),
    ]
    for tokenizer in tokenizers:
        pairs = encode_pairs(text, tokenizer)
        assert len(pairs) == 3
        assert [tokenizer.decode(row) for row in pairs.source] == text.source
        assert [tokenizer.decode(row) for row in pairs.target] == text.target
        for side, widths in zip((pairs.source, pairs.target), pairs.widths, strict=True):
            assert widths.tolist() == [len(row) + 1 for row in side]


def test_a_character_outside_the_vocabulary_is_named_with_its_line(text):
    with pytest.raises(UserError, match=r"^line 2 of .*a\.tsv: .* no token for 'u' \(U\+0075\), f"):
        encode_pairs(text, CharacterTokenizer("".join(text.source[:1] + text.target) + "H"))
    with pytest.raises(UserError, match=r"^line 3 of .*a\.tsv: .* no token for 'a'"):
        encode_pairs(text, CharacterTokenizer("".join([*text.source, *text.target[:2], "o"])))
    with pytest.raises(UserError, match=r"^line 1 of .*a\.tsv: .* no token for"):
        encode_pairs(text, CharacterTokenizer("".join(text.source)[:-1]))
    with pytest.raises(UserError, match=r"^line 3 of .*a\.tsv: "):
        encode_pairs(text.take([2]), CharacterTokenizer("a"))


def test_pairs_that_are_too_long_on_either_side_are_left_out():
    pairs = TokenPairs(make([[1], [2] * 4, [3, 3], []]), make([[4, 4], [5], [6] * 5, [7] * 3]))
    assert [len(pairs.within(n)) for n in (1, 2, 3, 4, 5, 6)] == [0, 0, 1, 2, 3, 4]
    assert pairs.within(6) is pairs
    left = pairs.within(4)
    assert [row.tolist() for row in left.source] == [[1], []]
    assert [row.tolist() for row in left.target] == [[4, 4], [7, 7, 7]]


def test_fingerprints_depend_only_on_tokens_and_row_lengths():
    rows = [[[1, 2], [3]], [[1], [2, 3]], [[3], [1, 2]]]
    pairs = [TokenPairs(make(a), make(b)) for a in rows for b in rows]
    assert len({each.fingerprint for each in pairs}) == 9
    wide = TokenRows.of([np.array([1, 2]), np.array([3])], 10**6)
    assert TokenPairs(wide, wide).fingerprint == pairs[0].fingerprint
