"""The arrays of an operation in the running example: ``{strip}`` and ``{arrays}``.

``{strip} linear``
    A picture of each array in three columns: forward, saved, backward.
``{arrays} linear``
    A table with the last row and the norm of each array, and a link to the explorer.
``{heads} P dP dS``
    Arrays (H, T, T) of the attention in large, with the tokens beside the rows.
"""

from html import escape
from typing import Any

import numpy as np
import svg
from docutils import nodes
from heatmap import address, described, image
from html_links import link
from recorded_step import CARDS, Row, card, text
from running_example import example
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from scratchgpt.explore.html.text import number

# What an operation saves if it saves no array.
INSTEAD = {
    "broadcast": "the shape of x",
    "dropout": "p and the seed",
    "residual": "nothing",
}
TITLES = {"forward": "forward ↑", "saved": "saved →", "backward": "backward ↓"}
N_SHOWN = 4
CELL = 16


class Strip(SphinxDirective):
    """Forward, saved, backward: the arrays of an operation as pictures."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        op = self.arguments[0]
        rows = [row for row in example(op).rows if row.role != "inner"]
        columns = []
        for side, title in TITLES.items():
            shown = [_figure(row) for row in rows if row.side == side]
            if not shown:
                shown = [f'<p class="instead">{INSTEAD[op]}</p>']
            head = f'<p class="strip-title">{title}</p>'
            columns.append(f'<div class="strip-{side}">{head}{"".join(shown)}</div>')
        note = "A real step: one cell for each number, orange above 0, blue below."
        html = f'<div class="strip">{"".join(columns)}</div><p class="strip-note">{note}</p>'
        return [nodes.raw("", html, format="html")]


def _figure(row: Row) -> str:
    picture = "" if np.size(row.array) == 1 else image(row.array, row.name)
    value = f" = {number(float(np.ravel(row.array)[0]))}" if np.size(row.array) == 1 else ""
    return (
        f'<figure class="{row.role}">{picture}<figcaption><code>{escape(row.name)}</code>{value} '
        f"<span>{_letters(row)}</span></figcaption></figure>"
    )


def _letters(row: Row) -> str:
    return f"({', '.join(row.axes.split())})" if row.axes and row.axes != "1" else ""


class Arrays(SphinxDirective):
    """The numbers of an operation in the running example."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        found = example(self.arguments[0])
        intro = (
            "These are the arrays of a real step: the small GPT of the explorer learns to sort "
            f"digits, and reads `{text()}`. {found.source}"
        )
        lines = ["| | array | shape | last row | norm |", "|---|---|---|---|--:|"]
        side = ""
        for row in found.rows:
            shown = "" if row.side == side else row.side
            side = row.side
            shape = "×".join(str(n) for n in np.shape(row.array))
            letters = _letters(row)
            lines.append(
                f"| {shown} | `{row.name}` | {letters} {shape} | {_last_row(row)} | {_norm(row)} |"
            )
        table = nodes.container("", *self.parse_text_to_nodes("\n".join(lines)))
        table["classes"].append("arrays")
        is_card = self.arguments[0] in CARDS
        words = "See every number" if is_card else "See where these numbers come from"
        goal = link(f"{words} in the explorer", f"explorer.html#{found.place}")
        return [*self.parse_text_to_nodes(intro), table, nodes.paragraph("", "", goal)]


def _last_row(row: Row) -> str:
    numbers = np.atleast_1d(row.array)
    if numbers.dtype.kind in "iu":
        return ", ".join(str(n) for n in numbers)
    numbers = numbers.reshape(-1, numbers.shape[-1])[-1]
    shown = [number(float(n)) for n in numbers[:N_SHOWN]]
    return ", ".join(shown) + (", …" if len(numbers) > N_SHOWN else "")


def _norm(row: Row) -> str:
    numbers = np.asarray(row.array)
    if numbers.dtype.kind in "iu":
        return ""
    return number(float(np.linalg.norm(numbers[np.isfinite(numbers)].astype(np.float64))))


class Heads(SphinxDirective):
    """Arrays (H, T, T) of the attention of the first block, one row of pictures for each head."""

    required_arguments = 1
    optional_arguments = 4
    final_argument_whitespace = False

    def run(self) -> list[nodes.Node]:
        arrays = card("h.0.attn.attention")
        by_name = {name: array for (_, name), array in arrays.items()}
        n_heads = len(by_name[self.arguments[0]])
        pictures = [
            _head(f"{name} of head {head}", by_name[name][head], text())
            for head in range(n_heads)
            for name in self.arguments
        ]
        style = f"--columns: {len(self.arguments)}"
        html = f'<div class="heads" style="{style}">{"".join(pictures)}</div>'
        return [nodes.raw("", html, format="html")]


def _head(name: str, matrix: np.ndarray, tokens: str) -> str:
    """Draw one matrix (T, T) with the tokens at its rows and above its columns."""
    n = len(tokens)
    size, edge = n * CELL, 18
    parts = [
        svg.opening(size + edge, size + edge, f"{escape(name)}: {described(matrix)}"),
        f'<image x="{edge}" y="{edge}" width="{size}" height="{size}" '
        f'preserveAspectRatio="none" href="{address(matrix)}"/>',
    ]
    for i, token in enumerate(tokens):
        at = edge + CELL * (i + 0.5)
        parts.append(svg.text(edge / 2, at + 4, escape(token), "small"))
        parts.append(svg.text(at, edge - 5, escape(token), "small"))
    parts.append(f'<rect class="edge" x="{edge}" y="{edge}" width="{size}" height="{size}"/></svg>')
    finite = matrix[np.isfinite(matrix)]
    largest = number(float(np.abs(finite).max(initial=0)))
    caption = f"<figcaption>{escape(name)}, largest {largest}</figcaption>"
    return f"<figure>{''.join(parts)}{caption}</figure>"


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("strip", Strip)
    app.add_directive("arrays", Arrays)
    app.add_directive("heads", Heads)
    return {"parallel_read_safe": True}
