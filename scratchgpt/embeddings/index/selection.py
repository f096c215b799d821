"""The files of an index that a search considers."""

import os
from collections.abc import Sequence
from pathlib import Path

from scratchgpt.embeddings.index.scanning import inside
from scratchgpt.embeddings.pieces.ignore_rules import IgnoreRule, read_rules


def selected(
    paths: Sequence[str], roots: Sequence[Path | str] | None, include: Sequence[str]
) -> list[bool]:
    """Say for each path whether it is below one of the roots and matches one of the patterns.

    Parameters
    ----------
    paths : sequence of str
        Absolute paths.
    roots : sequence of paths, optional
        By default all paths.
    include : sequence of str
        Patterns of ``.gitignore``, relative to the roots: ``*.py``, ``docs/`` or ``src/**/*.md``.
        Without any, all files match.
    """
    places = [os.path.realpath(root) for root in roots or []]
    is_inside = inside(places) if roots is not None else lambda path: True
    rules = [rule for pattern in include for rule in read_rules(pattern)]
    return [is_inside(path) and (not include or _matches(path, places, rules)) for path in paths]


def _matches(path: str, places: Sequence[str], rules: Sequence[IgnoreRule]) -> bool:
    """Whether a rule matches the path or a folder above it, from a root to the file."""
    place = next((one for one in places if inside([one])(path)), os.path.dirname(path))
    names = os.path.relpath(path, place).split(os.sep)
    if names == [os.curdir]:  # the root is this file
        names = [os.path.basename(path)]
    return any(
        rule.matches(names[:end], end < len(names))
        for end in range(1, len(names) + 1)
        for rule in rules
    )
