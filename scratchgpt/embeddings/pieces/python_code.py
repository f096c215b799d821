"""Python code, divided into functions, heads of classes and the rest of the module."""

import ast
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scratchgpt.embeddings.pieces.piece import Piece, pieces_of_lines

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Span(NamedTuple):
    first: int
    last: int
    symbol: str


def python_pieces(lines: Sequence[str], max_characters: int) -> list[Piece]:
    """Divide the source of a module into pieces that do not overlap.

    Each function or method is a piece, with its decorators and the comment above it; functions
    inside it are part of it. A class has a piece for each method, and pieces for the lines between
    them, the first of which is its head. The other lines of the module are pieces without a symbol.
    A piece of more than ``max_characters`` is divided into parts; see
    :func:`scratchgpt.embeddings.pieces.piece.pieces_of_lines`.

    Raises
    ------
    SyntaxError
        If this Python cannot parse the module.
    """
    source = "\n".join(lines)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about invalid escapes in the source
            tree = ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as error:  # zero bytes, or deep nesting
        raise SyntaxError(str(error)) from error
    spans = _spans(tree, lines, _Span(1, len(lines), ""))
    return [piece for span in spans for piece in pieces_of_lines(lines, *span, max_characters)]


def _spans(node: ast.AST, lines: Sequence[str], whole: _Span) -> Iterator[_Span]:
    """Divide the lines of a module or class into those of its definitions and those between."""
    start = whole.first
    for child in _definitions(node):
        first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
        while first > start and lines[first - 2].lstrip().startswith("#"):
            first -= 1
        first, last = max(first, start), child.end_lineno or child.lineno
        if last < first:  # a definition on the last line of another one
            continue
        if start < first:
            yield _Span(start, first - 1, whole.symbol)
        symbol = f"{whole.symbol}.{child.name}" if whole.symbol else child.name
        inner = _Span(first, last, symbol)
        if isinstance(child, ast.ClassDef):
            yield from _spans(child, lines, inner)
        else:
            yield inner
        start = last + 1
    if start <= whole.last:
        yield _Span(start, whole.last, whole.symbol)


def _definitions(
    node: ast.AST,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield the functions and classes of a body, also those inside ``if``, ``try`` and ``with``."""
    stack = [node]
    while stack:
        below = stack.pop()
        if below is not node and isinstance(below, (*_FUNCTIONS, ast.ClassDef)):
            yield below
        elif not isinstance(below, ast.expr):
            stack.extend(reversed(list(ast.iter_child_nodes(below))))
