"""Which parameters training leaves as they are."""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from scratchgpt.errors import UserError

_BODY = "transformer."


def frozen_names(names: Iterable[str], patterns: str) -> set[str]:
    """The parameters that a list of patterns names.

    Parameters
    ----------
    names : iterable of str
        Of all parameters.
    patterns : str
        Separated by commas. Each is the name of a parameter or of a layer, ``transformer.`` at its
        beginning left out or not, in which ``*``, ``?`` and ``[0-5]`` stand for others as in the
        names of files: ``wte,wpe,h.[0-5]``.

    Raises
    ------
    UserError
        If a pattern fits nothing, or they leave nothing to train.
    """
    names = list(names)
    frozen: set[str] = set()
    for pattern in filter(None, map(str.strip, patterns.split(","))):
        fitting = {
            name for name in names if any(fnmatchcase(part, pattern) for part in _layers_of(name))
        }
        if not fitting:
            raise UserError(
                f"freeze={pattern!r} fits no parameter; they are called like "
                f"{names[0].removeprefix(_BODY)} and {names[-1].removeprefix(_BODY)}"
            )
        frozen |= fitting
    if len(frozen) == len(names):
        raise UserError(f"freeze={patterns!r} leaves nothing to train")
    return frozen


def _layers_of(name: str) -> Iterator[str]:
    """The parameter and all layers that it is in."""
    for whole in {name, name.removeprefix(_BODY)}:
        parts = whole.split(".")
        for n in range(1, len(parts) + 1):
            yield ".".join(parts[:n])
