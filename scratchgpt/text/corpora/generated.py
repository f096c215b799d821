"""Corpora that are generated from this Python installation."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from scratchgpt.text.code.python_code import code_identity, write_python_code
from scratchgpt.text.corpora.python_docs import write_python_docs


class Generated(NamedTuple):
    """A corpus that is generated from this Python installation.

    Attributes
    ----------
    description : str
    write : callable
        Called with the path to write to.
    identity : callable
        Returns a string that changes if the text can be another; it is faster than ``write``.
    """

    description: str
    write: Callable[[Path], None]
    identity: Callable[[], str]


GENERATED = {
    "python-docs": Generated(
        "the documentation of Python, from this installation; needs no network",
        write_python_docs,
        lambda: f"{sys.version} {sys.base_prefix}",
    ),
    "python-code": Generated(
        "the functions of Python's library and of the installed packages; needs no network",
        write_python_code,
        code_identity,
    ),
    "python-code:stdlib": Generated(
        "the functions of Python's library alone; needs no network",
        partial(write_python_code, which="python-code:stdlib"),
        partial(code_identity, "python-code:stdlib"),
    ),
}
