"""``{block-drawing}``: draw a GPT-2 block with its forward pass, saved arrays and backward pass.

The extension runs a block while the page is built. :func:`scratchgpt.memory.nbytes` counts the
bytes of the ``saved`` of that run.
"""

from typing import Any, NamedTuple

import numpy as np
import svg
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from scratchgpt import kernels
from scratchgpt.layers import Block
from scratchgpt.layers.block import BlockSaved
from scratchgpt.memory import nbytes, walk
from scratchgpt.models import Backbone, GPTConfig
from scratchgpt.recomputed import Recomputed

WIDTH, ROW, TOP = 860, 58, 62
HEIGHT_OF_BOX = 40
COLUMNS = {"forward": (62, 200), "saved": (312, 230), "backward": (592, 200)}  # left, width


class Row(NamedTuple):
    """One row of the drawing; the first row is the lowest."""

    forward: str
    shape: str
    saved: str  # path of the part of BlockSaved, "" if the step saves nothing
    backward: str
    note: str


ROWS = (
    Row("x", "(B, T, C)", "", "dx", "+ residual gradient"),
    Row("ln_1", "n (B, T, C)", "attn.norm", "ln_1", "(B, T, C)"),
    Row("attn.c_attn", "qkv (B, T, 3C)", "attn.branch.c_attn", "attn.c_attn", "dn (B, T, C)"),
    Row("attention", "heads (B, H, T, D)", "attn.branch.attention", "attention", "dqkv (B, T, 3C)"),
    Row("attn.c_proj", "a (B, T, C)", "attn.branch.c_proj", "attn.c_proj", "dmerged (B, T, C)"),
    Row("drop", "a (B, T, C)", "attn.drop", "drop", "da (B, T, C)"),
    Row("+", "x + a", "", "•", "to both inputs"),
    Row("x", "(B, T, C)", "", "dmid", "+= dy, the residual gradient"),
    Row("ln_2", "n (B, T, C)", "mlp.norm", "ln_2", "(B, T, C)"),
    Row("mlp.c_fc", "h (B, T, F)", "mlp.branch.c_fc", "mlp.c_fc", "dn (B, T, C)"),
    Row("gelu", "a (B, T, F)", "mlp.branch.act", "gelu", "dh (B, T, F)"),
    Row("mlp.c_proj", "m (B, T, C)", "mlp.branch.c_proj", "mlp.c_proj", "da (B, T, F)"),
    Row("drop", "m (B, T, C)", "mlp.drop", "drop", "dm (B, T, C)"),
    Row("+", "x + m", "", "•", "to both inputs"),
    Row("y", "(B, T, C)", "", "dy", "(B, T, C)"),
)
JOINS = [i for i, row in enumerate(ROWS) if row.forward == "+"]
FORKS = [i for i, row in enumerate(ROWS) if row.forward == "x"]


class Kept(NamedTuple):
    """The arrays that one step saves and that no earlier step has saved."""

    path: str
    fields: tuple[str, ...]
    n_bytes: int


def run_block(
    config: GPTConfig, n_batch: int, n_time: int, dropout_seed: int | None
) -> tuple[Block, BlockSaved]:
    """Run the reference forward pass of a float32 block; return the block and what it saved."""
    block = Backbone(config).h[0]  # only this block is initialized, so the others take no memory
    block.initialize()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n_batch, n_time, config.n_embd), np.float32)
    with kernels.disabled():
        return block, block.forward(x, dropout_seed)[1]


def what_is_kept(block: Block, saved: BlockSaved) -> list[Kept]:
    """Count what each step saves, in the order of the forward pass, parameters excluded."""
    counted: list[Any] = [block.store.values]
    kept = []
    for path in (row.saved for row in ROWS if row.saved):
        part: Any = saved
        for name in path.split("."):
            part = getattr(part, name)
        fields = tuple(
            name
            for name, value in zip(part._fields, part, strict=True)
            if not isinstance(value, Recomputed)
        )
        kept.append(Kept(path, fields, nbytes(part, exclude=counted)))
        counted += [array for _, array in walk(part)]
    return kept


def draw(kept: list[Kept]) -> str:
    """Draw the block as SVG without colors; the style sheet defines light and dark colors."""
    kept_by_path = {step.path: step for step in kept}
    height = TOP + ROW * len(ROWS)
    parts = [
        svg.opening(WIDTH, height, "A GPT block: forward, saved, backward"),
    ]
    for column, title in (
        ("forward", "forward, upwards"),
        ("saved", "saved"),
        ("backward", "backward, downwards"),
    ):
        left, width = COLUMNS[column]
        parts.append(svg.text(left + width / 2, 24, title, "title"))
    for i, row in enumerate(ROWS):
        parts += _row(i, row, kept_by_path.get(row.saved))
    for fork, join in zip(FORKS, JOINS, strict=True):
        parts.append(_skip("forward", fork, join))
        parts.append(_skip("backward", join, fork))
    return "\n".join([*parts, "</svg>"])


def _row(i: int, row: Row, kept: Kept | None) -> list[str]:
    parts = []
    for column, name, below in (
        ("forward", row.forward, row.shape),
        ("backward", row.backward, row.note),
    ):
        parts += _box(column, i, name, below)
        if i + 1 < len(ROWS):
            x = _center(column)
            low, high = _y(i) - HEIGHT_OF_BOX / 2, _y(i + 1) + HEIGHT_OF_BOX / 2
            ends = (low, high) if column == "forward" else (high, low)
            parts.append(svg.arrow([(x, ends[0]), (x, ends[1])], column))
    if kept:
        fields = ", ".join(name for name in kept.fields if name != "has_bias")
        name, below = ("p, seed", "the mask is recomputed from its seed")
        if "weight" in kept.fields and not kept.n_bytes:
            name, below = "nothing", "its input is recomputed"
        elif kept.n_bytes:
            name, below = _without_settings(fields), f"{kept.n_bytes / 1e6:,.2f} MB"
        parts += _box("saved", i, name, below)
        for start, stop in (("forward", "saved"), ("saved", "backward")):
            x = COLUMNS[start][0] + COLUMNS[start][1]
            parts.append(svg.arrow([(x, _y(i)), (COLUMNS[stop][0], _y(i))], "saved"))
    return parts


def _without_settings(fields: str) -> str:
    """The names of the arrays only; the table below the drawing lists the other fields."""
    settings = ("scale", "dropout_p", "dropout_seed", "approximate", "weight")
    return ", ".join(name for name in fields.split(", ") if name not in settings)


def _y(i: int) -> float:
    """The vertical center of row i, counted from the bottom."""
    return TOP + ROW * (len(ROWS) - 1 - i) + HEIGHT_OF_BOX / 2 - 10


def _center(column: str) -> float:
    left, width = COLUMNS[column]
    return left + width / 2


def _box(column: str, i: int, name: str, below: str) -> list[str]:
    size = COLUMNS[column][1], HEIGHT_OF_BOX
    return svg.box((_center(column), _y(i)), size, column, name, below)


def _skip(column: str, start: int, stop: int) -> str:
    """Draw the residual connection around one half of the block."""
    left, width = COLUMNS[column]
    edge, outside = (left, left - 34) if column == "forward" else (left + width, left + width + 34)
    points = [(edge, _y(start)), (outside, _y(start)), (outside, _y(stop)), (edge, _y(stop))]
    return svg.arrow(points, column)


class BlockDrawing(SphinxDirective):
    """Draw the block of GPT-2 for one text of full length."""

    def run(self) -> list[nodes.Node]:
        config = GPTConfig(dropout=0.1)
        kept = what_is_kept(*run_block(config, 1, config.block_size, dropout_seed=0))
        html = f'<div class="block-drawing">{draw(kept)}</div>'
        return [nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("block-drawing", BlockDrawing)
    return {"parallel_read_safe": True}
