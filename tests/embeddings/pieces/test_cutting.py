"""The ending of a name decides how a file is divided."""

import doctest

import pytest

from scratchgpt.embeddings.pieces import cutting
from scratchgpt.embeddings.pieces.cutting import cut
from scratchgpt.errors import UserError

TEXT = "# Title\n\ndef f():\n    pass\n"


def test_the_ending_decides():
    assert [one.symbol for one in cut("a.py", TEXT)] == ["", "f"]
    assert [one.symbol for one in cut("a.MD", TEXT)] == ["Title"]
    assert [one.symbol for one in cut("a.txt", TEXT)] == [""]


def test_python_of_another_version_is_cut_into_paragraphs():
    [piece] = cut("old.py", "print 'a'\n\nprint 'b'\n")
    assert (piece.first, piece.last, piece.symbol) == (1, 3, "")


def test_the_maximum_is_kept_whatever_the_kind():
    text = "# Title\n\n" + "def f():\n    pass\n    x = 1\n" * 20
    for name in ("a.py", "a.md", "a.txt"):
        assert max(len(piece.text) for piece in cut(name, text, 50)) <= 50


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "x"])
def test_an_impossible_maximum_is_refused(wrong):
    with pytest.raises(UserError, match="max_characters="):
        cut("a.py", TEXT, wrong)


def test_the_example_is_correct():
    assert doctest.testmod(cutting).failed == 0
