"""Write the page of a step to a file."""

from pathlib import Path
from typing import NamedTuple

from scratchgpt.errors import UserError
from scratchgpt.explore.content import Content, prepare
from scratchgpt.explore.html.document import document
from scratchgpt.explore.html.text import Links
from scratchgpt.explore.step import Step
from scratchgpt.files import write_text

MOST_BYTES = 3_000_000


class Page(NamedTuple):
    """A page that was written.

    Attributes
    ----------
    content : Content
    n_bytes : int
    """

    content: Content
    n_bytes: int


def write_page(
    step: Step, path: Path, *, start: Step | None = None, docs: str = "", landscape: bool = True
) -> Page:
    """Record a step and write its page.

    Parameters
    ----------
    step : Step
    path : Path
    start : Step, optional
        The same batch before training.
    docs : str
        Address of the docs.
    landscape : bool
        Whether the page shows the loss along single weights.

    Raises
    ------
    UserError
        If an operation does not compute what the page explains, or the page would be too large.
    """
    content = prepare(step, landscape=landscape)
    before = None if start is None else prepare(start, landscape=False)
    text = document(content, Links(docs), before)
    n_bytes = len(text.encode())
    if n_bytes > MOST_BYTES:
        raise UserError(f"the page would have {n_bytes:,} bytes, more than {MOST_BYTES:,}")
    write_text(path, text)
    return Page(content, n_bytes)
