"""Further kinds of pairs in Python files, for training: names, classes, paragraphs, comments."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.text.code.functions import (
    Function,
    Module,
    definitions,
    first_paragraph,
    source_of,
)
from scratchgpt.text.pairs.paragraphs import neighbor_pairs

MIN_WORDS = 3  # of a query that is prose
MIN_LINES = 3  # of a document that is code

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class MorePair(NamedTuple):
    """A pair that is not a docstring and its function.

    Attributes
    ----------
    path : str
        The file.
    name : str
        The name of the function whose code the document is, or "".
    query, document : str
    """

    path: str
    name: str
    query: str
    document: str


def more_pairs(
    module: Module, functions: Sequence[Function], kinds: Sequence[str]
) -> Iterator[MorePair]:
    """Yield the pairs of some kinds, which are keys of MORE_PAIRS, in a module."""
    for kind in kinds:
        if kind not in MORE_PAIRS:
            hint = did_you_mean(kind, MORE_PAIRS) or f"; choose from {', '.join(MORE_PAIRS)}"
            raise UserError(f"there is no kind of pairs {kind!r}{hint}")
        yield from MORE_PAIRS[kind](module, functions)


def name_pairs(module: Module, functions: Sequence[Function]) -> Iterator[MorePair]:
    """Yield the words of each function's name, and its code; the name is in both."""
    for each in functions:
        words = _WORD.findall(each.name)
        if len(words) > 1 and _n_lines(each.code) >= MIN_LINES:
            yield MorePair(module.path, each.name, " ".join(words).lower(), each.code)


def class_pairs(module: Module, functions: Sequence[Function]) -> Iterator[MorePair]:
    """Yield the first paragraph of each class's docstring, and the class without it."""
    for node, _ in definitions(module.tree):
        if isinstance(node, ast.ClassDef):
            paragraph = first_paragraph(ast.get_docstring(node, clean=False))
            if len(paragraph.split()) >= MIN_WORDS:
                code = source_of(node, module.lines)[1]
                if _n_lines(code) >= MIN_LINES:
                    yield MorePair(module.path, node.name, paragraph, code)


def paragraph_pairs(module: Module, functions: Sequence[Function]) -> Iterator[MorePair]:
    """Yield neighboring paragraphs of the docstrings of the module, its classes and functions."""
    for node in (module.tree, *(node for node, _ in definitions(module.tree))):
        docstring = ast.get_docstring(node, clean=False) or ""
        text = inspect.cleandoc(docstring.encode("utf-8", "replace").decode())
        for one, other in neighbor_pairs(text):
            yield MorePair(module.path, "", one, other)


def comment_pairs(module: Module, functions: Sequence[Function]) -> Iterator[MorePair]:
    """Yield each comment of whole lines inside a function, and the lines of code below it.

    The code ends at an empty line, at a line with less indentation, or at the next comment.
    """
    for each in functions:
        if each.is_nested:
            continue  # its lines are in the function around it, too
        comment: list[str] = []
        code: list[str] = []
        for line in [*each.code.split("\n"), ""]:
            text = line.strip()
            is_comment = text.startswith("#")
            if is_comment or not text or (code and _indent(line) < _indent(code[0])):
                if len(code) >= MIN_LINES and len(" ".join(comment).split()) >= MIN_WORDS:
                    margin = _indent(code[0])
                    document = "\n".join(line[margin:] for line in code)
                    yield MorePair(module.path, "", " ".join(comment), document)
                if code or not is_comment:
                    comment, code = [], []
                if is_comment:
                    comment.append(text.lstrip("# "))
            elif comment:
                code.append(line)


def _n_lines(code: str) -> int:
    return sum(map(bool, code.split("\n")))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


MORE_PAIRS: dict[str, Callable[[Module, Sequence[Function]], Iterator[MorePair]]] = {
    "names": name_pairs,
    "classes": class_pairs,
    "paragraphs": paragraph_pairs,
    "comments": comment_pairs,
}
