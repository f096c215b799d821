"""Frozen parameters: which parameters training does not update."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from scratchgpt.errors import UserError

_BODY = "transformer."


def frozen_names(names: Iterable[str], patterns: str) -> set[str]:
    """Return the names of the parameters that match a list of patterns.

    Parameters
    ----------
    names : iterable of str
        Names of all parameters.
    patterns : str
        Patterns, separated by commas. Each is the name of a parameter or a layer, with or without
        the prefix ``transformer.``. ``*``, ``?`` and ``[0-5]`` are wildcards as in file names:
        ``wte,wpe,h.[0-5]``.

    Raises
    ------
    UserError
        If a pattern matches nothing, or nothing is left to train.
    """
    names = list(names)
    frozen: set[str] = set()
    for pattern in filter(None, map(str.strip, patterns.split(","))):
        fitting = {
            name for name in names if any(fnmatchcase(part, pattern) for part in _layers_of(name))
        }
        if not fitting:
            raise UserError(
                f"freeze={pattern!r} matches no parameter; parameter names are like "
                f"{names[0].removeprefix(_BODY)} and {names[-1].removeprefix(_BODY)}"
            )
        frozen |= fitting
    if len(frozen) == len(names):
        raise UserError(f"freeze={patterns!r} leaves nothing to train; freeze fewer parameters")
    return frozen


def _layers_of(name: str) -> Iterator[str]:
    """Iterate over the parameter's name and the names of all layers that contain it."""
    for whole in {name, name.removeprefix(_BODY)}:
        parts = whole.split(".")
        for n in range(1, len(parts) + 1):
            yield ".".join(parts[:n])
