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

    def of(shown: list[int]) -> Page:
        names = content.blocks
        hidden = frozenset(name for i, name in enumerate(names) if i not in shown)
        part = content.without(hidden)
        return Page(part, document(part, Links(docs), before))

    n = len(content.blocks)
    if blocks is not None:
        for block in blocks:
            if not 0 <= block < n:
                raise UserError(
                    f"--layers: there is no block {block}; the model has "
                    f"{counted(n, 'block')}, from 0 to {n - 1}"
                )
    wanted = spread(n) if blocks is None else blocks
    page = of(wanted)
    n_fit = len(wanted)
    while page.n_bytes > MOST_BYTES and n_fit > 0:
        # The page grows linearly with the blocks; the first estimate is rarely wrong by one.
        n_fit -= 1
        smaller = of(wanted[:n_fit])
        if blocks is not None and smaller.n_bytes <= MOST_BYTES:
            break
        if blocks is None:
            page = smaller
    if page.n_bytes > MOST_BYTES:
        fits = ",".join(str(i) for i in sorted(wanted[:n_fit]))
        advice = f"--layers {fits} fits" if n_fit else "give fewer --tokens"
        raise UserError(
            f"the page would have {page.n_bytes / 1e6:.1f} MB, more than "
            f"{MOST_BYTES / 1e6:.0f} MB; {advice}"
        )
    return page


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
