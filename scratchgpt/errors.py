"""Errors that the person at the keyboard can put right."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input, told in one line: what was wrong, where, and the way out.

    The command line prints the message alone and exits with status 2; as a library one sees an
    ordinary ValueError. Anything that is not a UserError is a defect of ours.
    """


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """The tail of an error message about an unknown word: ``; did you mean 'gpt2'?`` or nothing."""
    close = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
