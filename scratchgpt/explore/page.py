"""Write the page of a step to a file, with as many blocks as fit."""

from pathlib import Path
from typing import NamedTuple

from scratchgpt.errors import UserError, counted
from scratchgpt.explore.content import Content, prepare
from scratchgpt.explore.html.document import document
from scratchgpt.explore.html.text import Links
from scratchgpt.explore.step import Step
from scratchgpt.files import write_text

MOST_BYTES = 3_000_000


class Page(NamedTuple):
    """A page of a step.

    Attributes
    ----------
    content : Content
    html : str
    """

    content: Content
    html: str

    @property
    def n_bytes(self) -> int:
        return len(self.html.encode())


def make_page(
    step: Step,
    *,
    start: Step | None = None,
    blocks: list[int] | None = None,
    docs: str = "",
    landscape: bool = True,
) -> Page:
    """Record a step and make its page.

    Parameters
    ----------
    step : Step
    start : Step, optional
        The same batch before training.
    blocks : list of int, optional
        Numbers of the blocks to show; by default as many as fit, the first and the last first.
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

    names = content.blocks
    wanted = spread(len(names)) if blocks is None else _checked(blocks, len(names))

    def of(n: int, has_moments: bool) -> Page:
        hidden = frozenset(names) - {names[i] for i in wanted[:n]}
        part = content.without(hidden, has_moments=has_moments)
        return Page(part, document(part, Links(docs), before))

    page, n = of(len(wanted), True), len(wanted)
    largest = page.n_bytes
    if largest > MOST_BYTES:
        low = 0  # the largest number of blocks that fits is at least this and at most n
        while low < n:
            middle = (low + n + 1) // 2
            low, n = (middle, n) if of(middle, False).n_bytes <= MOST_BYTES else (low, middle - 1)
        page = of(n, False)
    if page.n_bytes > MOST_BYTES or (blocks is not None and n < len(wanted)):
        fits = ",".join(str(i) for i in sorted(wanted[:n]))
        advice = f"--layers {fits} fits" if n else "give fewer --tokens"
        raise UserError(
            f"the page would have {largest / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:.0f} MB; "
            f"{advice}"
        )
    return page


def _checked(blocks: list[int], n: int) -> list[int]:
    for block in blocks:
        if not 0 <= block < n:
            raise UserError(
                f"--layers: there is no block {block}; the model has {counted(n, 'block')}, from 0 "
                f"to {n - 1}"
            )
    return blocks


def spread(n: int) -> list[int]:
    """Return the numbers below n in the order of their worth: last, first, then evenly between."""
    order = [n - 1, 0] if n > 1 else list(range(n))
    step = n
    while len(order) < n:
        step = max(1, step // 2)
        order += [i for i in range(0, n, step) if i not in order]
    return order


def write_page(page: Page, path: Path) -> None:
    """Write a page to a file."""
    write_text(path, page.html)
