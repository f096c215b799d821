"""The order of the results of a search."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array

_TEST_FOLDERS = {"test", "tests", "testing", "spec", "specs"}
_TEST_FILE = re.compile(r"test_|.*[._-](?:test|spec)s?$|conftest$|tests?$")
# A name of several words; tests mention names like "run" for other reasons.
_SEVERAL_WORDS = re.compile(r"[^\W_]+_+[^\W_]|.*[a-z][A-Z]")


class Hit(NamedTuple):
    """A result of a search.

    Attributes
    ----------
    path : str
        An absolute path.
    first, last : int
        The first and the last line, counted from 1.
    symbol : str
        The name of the function, class or section; empty for other text.
    text : str
        The text of the piece, without shared indentation.
    score : float
        What the results are sorted by, except that definitions come before their tests: the sum of
        the standardized scores in hybrid mode, and otherwise the one score. For a test, it is lower
        by the standard deviation of the scores, unless the query contains the word "test".
    lexical, semantic : float or None
        The BM25 score and the cosine; None if it was not computed.
    """

    path: str
    first: int
    last: int
    symbol: str
    text: str
    score: float
    lexical: float | None
    semantic: float | None

    @property
    def is_test(self) -> bool:
        return is_test(self.path)


def is_test(path: str) -> bool:
    """Whether a file contains tests, by its name and those of the two folders above it."""
    parts = PurePath(path).parts
    return bool(
        _TEST_FOLDERS.intersection(parts[-3:-1]) or _TEST_FILE.match(PurePath(path).stem.lower())
    )


def best_first(scores: Array, in_tests: Array) -> Array:
    """Return the numbers of pieces by descending score; among equal ones, tests come last.

    Pieces that are equal in both keep their order, which is that of paths and lines.

    Parameters
    ----------
    scores : array (N,)
    in_tests : array (N,) of bool
    """
    return np.lexsort((in_tests, -scores))


def chosen(candidates: Iterable[Hit], n: int) -> list[Hit]:
    """Choose the first n of sorted candidates: one per span, and definitions before their tests.

    If two candidates of a file share lines, the second is left out. A test that mentions the name
    of a chosen function or class comes after it, if the name has several words.
    """
    distinct: list[Hit] = []
    for hit in candidates:
        if len(distinct) == n:
            break
        if not any(_overlap(hit, other) for other in distinct):
            distinct.append(hit)
    return _definitions_first(distinct)


def _overlap(hit: Hit, other: Hit) -> bool:
    return hit.path == other.path and hit.first <= other.last and other.first <= hit.last


def _definitions_first(hits: Sequence[Hit]) -> list[Hit]:
    waiting = {i: hit for i, hit in enumerate(hits) if not hit.is_test and hit.symbol}
    ordered: list[Hit] = []
    for i, hit in enumerate(hits):
        if hit.is_test:
            mentioned = set(re.findall(r"\w+", hit.text))
            for j, definition in list(waiting.items()):
                name = definition.symbol.rsplit(".", 1)[-1]
                if name in mentioned and _SEVERAL_WORDS.match(name):
                    ordered.append(waiting.pop(j))
            ordered.append(hit)
        elif i in waiting or not hit.symbol:
            waiting.pop(i, None)
            ordered.append(hit)
    return ordered
