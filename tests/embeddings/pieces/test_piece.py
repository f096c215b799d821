"""Long pieces are divided, and no character is lost."""

from itertools import pairwise

import pytest

from scratchgpt.backend import random_stream
from scratchgpt.embeddings.pieces.piece import (
    Piece,
    divided_until,
    lines_of,
    pieces_of_lines,
)


def test_lines_are_those_of_editors():
    assert lines_of("a\r\nb\rc\x0cd\u2028e\n") == ["a", "b", "c\x0cd\u2028e", ""]


def test_blank_lines_and_shared_indentation_are_removed():
    lines = ["", "    if x:", "", "        y", "\t", "z"]
    assert list(pieces_of_lines(lines, 1, 5, "f", 99)) == [Piece(2, 4, "f", "if x:\n\n    y")]
    assert list(pieces_of_lines(lines, 5, 5, "", 99)) == []


def test_a_long_piece_is_divided_between_lines_and_parts_overlap():
    lines = [f"{i:04}" for i in range(100)]
    parts = list(pieces_of_lines(lines, 1, 100, "f", 80))
    assert all(len(part.text) <= 80 for part in parts)
    assert (parts[0].first, parts[-1].last) == (1, 100)
    for before, after in pairwise(parts):
        assert before.first < after.first == before.last - 1
    for part in parts:
        assert part.text.split("\n") == lines[part.first - 1 : part.last]


def test_a_long_line_is_divided_anywhere():
    parts = list(pieces_of_lines(["ab", "x" * 10 + "y" * 5, "c"], 1, 3, "", 10))
    assert [part.text for part in parts] == ["ab", "x" * 10, "y" * 5, "c"]
    assert [(part.first, part.last) for part in parts] == [(1, 1), (2, 2), (2, 2), (3, 3)]


def test_pieces_are_divided_until_they_fit():
    pieces = [Piece(3, 3, "f", "short"), Piece(5, 8, "g", "1\n\n" + "y" * 9 + "\n4")]
    parts = list(divided_until(pieces, lambda texts: [len(text) <= 5 for text in texts]))
    assert [(one.first, one.last, one.symbol, one.text) for one in parts] == [
        (3, 3, "f", "short"),
        (5, 5, "g", "1"),
        (7, 7, "g", "yyyy"),
        (7, 7, "g", "yyy"),
        (7, 7, "g", "yy"),
        (8, 8, "g", "4"),
    ]
    assert len(list(divided_until(pieces[:1], lambda texts: [False] * len(texts)))) == 5


@pytest.mark.parametrize("seed", range(30))
def test_each_character_is_in_a_piece(seed):
    rng = random_stream(seed, "pieces")
    lines = ["x" * int(n) for n in rng.integers(0, 40, 30)]
    limit = int(rng.integers(1, 60))
    parts = list(pieces_of_lines(lines, 1, len(lines), "", limit))
    assert max(len(part.text) for part in parts) <= limit
    covered = dict.fromkeys(range(1, 31), 0)
    for part in parts:
        assert part.text
        for number, text in enumerate(part.text.split("\n"), part.first):
            covered[number] += len(text)
    for number, line in enumerate(lines, 1):
        assert covered[number] >= len(line), number
