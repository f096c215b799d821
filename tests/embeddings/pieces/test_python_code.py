"""Python is divided into functions, heads of classes and the rest."""

import ast
from pathlib import Path

import pytest

import scratchgpt
from scratchgpt.embeddings.pieces.piece import lines_of
from scratchgpt.embeddings.pieces.python_code import python_pieces

SOURCE = '''\
"""A module."""
import os

LIMIT = 3

# What it does.
@decorated(
    1)
def first(x):
    def inner():
        pass
    return inner

class Outer(Base):
    """Its head."""
    size = 2

    async def method(self):
        return 1

    after = 3

    class Inner:
        def deep(self): return 2
if LIMIT:
    def conditional():
        return 1
else:
    pass
'''


def test_definitions_are_pieces_with_qualified_names():
    pieces = python_pieces(lines_of(SOURCE), 1000)
    assert [(piece.first, piece.last, piece.symbol) for piece in pieces] == [
        (1, 4, ""),
        (6, 12, "first"),
        (14, 16, "Outer"),
        (18, 19, "Outer.method"),
        (21, 21, "Outer"),
        (23, 23, "Outer.Inner"),
        (24, 24, "Outer.Inner.deep"),
        (25, 25, ""),
        (26, 27, "conditional"),
        (28, 29, ""),
    ]
    assert pieces[3].text == "async def method(self):\n    return 1"


def test_pieces_cover_all_lines_and_do_not_overlap():
    """The sources of this package: each line that is not blank is in exactly one piece."""
    for path in sorted((Path(scratchgpt.__file__).parent / "models").glob("*.py")):
        lines = lines_of(path.read_text(encoding="utf-8"))
        pieces = python_pieces(lines, 10**6)
        covered = [n for piece in pieces for n in range(piece.first, piece.last + 1)]
        assert len(covered) == len(set(covered))
        assert {n for n, line in enumerate(lines, 1) if line.strip()} <= set(covered)


def test_each_function_is_a_piece():
    path = Path(scratchgpt.__file__).parent / "files.py"
    source = path.read_text(encoding="utf-8")
    names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    pieces = python_pieces(lines_of(source), 10**6)
    assert [piece.symbol for piece in pieces if piece.symbol] == names
    assert all(f"def {piece.symbol}(" in piece.text for piece in pieces if piece.symbol)


def test_strange_layout_is_divided():
    assert len(python_pieces(lines_of("def f(): pass\ndef g(): pass"), 99)) == 2
    assert [one.symbol for one in python_pieces(lines_of("class A: x = 1"), 99)] == ["A"]
    assert python_pieces([""], 99) == []


@pytest.mark.parametrize("source", ["print 'a'", "def f(:", "x = '\0'", "(" * 10**5])
def test_what_cannot_be_parsed_is_refused(source):
    with pytest.raises(SyntaxError):
        python_pieces(lines_of(source), 99)
