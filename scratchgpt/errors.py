"""Errors that the user can correct."""

import contextlib
import difflib
import warnings
from collections.abc import Iterable, Iterator


class UserError(ValueError):
    """Invalid input, with a one-line message: what is wrong, where, and how to correct it.

    The command line prints only the message and exits with status 2. Users of the library see an
    ordinary ValueError. Any other exception is a bug.
    """


@contextlib.contextmanager
def warn_on_failure(what: str) -> Iterator[None]:
    """Turn any error inside a ``with`` block into a warning, for results that nothing depends on.

    Parameters
    ----------
    what : str
        The result that is missing then, for the message.
    """
    try:
        yield
    except Exception as error:
        reason = str(error) if isinstance(error, UserError) else repr(error)
        warnings.warn(f"{what} failed: {reason}", stacklevel=3)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``; did you mean 'gpt2'?`` for the closest choice, or an empty string.

    The result is meant for the end of an error message about an unknown word.
    """
    close = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: ``1 step``, ``2,000 steps``, ``0 steps``.

    The plural is that of a regular noun, such as ``batches`` and ``copies``, unless it is given.
    """
    if n == 1:
        return f"1 {noun}"
    return f"{n:,} {plural or _plural(noun)}"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")
