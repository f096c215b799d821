"""Text of the page: escaped words, numbers, and links."""

import math
from html import escape as escape
from typing import NamedTuple

from scratchgpt.errors import counted
from scratchgpt.explore.formulas import mathml


class Links(NamedTuple):
    """Where the docs and the source are.

    Attributes
    ----------
    docs : str
        Address of the docs, with a slash at its end; "" if they are not at hand.
    """

    docs: str = ""

    def page(self, name: str, text: str) -> str:
        """Link a page of the docs; without docs, name it."""
        if not self.docs:
            return f'<span class="ref">docs/{escape(name)}.md</span>'
        return f'<a class="ref" href="{escape(self.docs)}{escape(name)}.html">{escape(text)}</a>'


def number(x: float, digits: int = 3) -> str:
    """Format a number for reading, with a minus sign."""
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if x == 0:
        return "0"
    size = abs(x)
    if 1e-4 <= size < 1e5:
        text = f"{x:.{max(0, digits - 1 - math.floor(math.log10(size)))}f}"
        return text.replace("-", "−")
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "−")


def bytes_of(n: int) -> str:
    """Format a number of bytes."""
    if n < 100_000:
        return counted(n, "byte")
    return f"{n / 1e6:,.1f} MB" if n < 1e9 else f"{n / 1e9:,.2f} GB"


def formula(tex: str) -> str:
    """Return a formula as MathML."""
    return mathml()[tex]


def token(text: str) -> str:
    """Return a token as it is shown: spaces and line breaks are visible."""
    shown = text.replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")
    return "".join(c if c.isprintable() else "�" for c in shown)
