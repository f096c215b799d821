"""Long pieces are divided, and no character is lost."""

from itertools import pairwise

import pytest

from scratchgpt.backend import random_stream
from scratchgpt.embeddings.pieces.piece import Piece, lines_of, pieces_of_lines


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
