"""Patterns of text: ``[Hi|Hello][ there|]!`` stands for four texts."""

import re
from collections.abc import Sequence
from itertools import product
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

_PARTS = re.compile(r"\[([^\[\]]*)\]")


def expansions(pattern: str) -> list[str]:
    """Return all texts of a pattern.

    A choice is in brackets, its alternatives are separated by bars, and there are no brackets in
    brackets.

    Examples
    --------
    >>> expansions("[Hi|Hello][ there|]!")
    ['Hi there!', 'Hi!', 'Hello there!', 'Hello!']
    """
    return ["".join(parts) for parts in product(*_choices(pattern))]


def draw(pattern: str, rng: np.random.Generator) -> str:
    """Return a random text of a pattern; the alternatives of a choice are equally probable."""
    return "".join(choose(choice, rng) for choice in _choices(pattern))


def choose(items: Sequence[Item], rng: np.random.Generator) -> Item:
    """Return a random item; all are equally probable."""
    return items[int(rng.integers(len(items)))]


def _choices(pattern: str) -> list[list[str]]:
    """Split a pattern into its parts, each with its alternatives."""
    parts = _PARTS.split(pattern)  # text, choice, text, choice, ..., text
    return [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
