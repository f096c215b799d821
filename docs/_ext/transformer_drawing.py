"""``{transformer-drawing}``: draw the data flow through a Transformer, forward and backward.

The extension creates a model while the page is built, so the drawing has the same sublayers as
the code.
"""

from typing import Any, NamedTuple

import svg
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from scratchgpt.layers import MLP, CrossAttention, Layer, SelfAttention
from scratchgpt.models import Transformer, TransformerConfig

WIDTH, ROW, TOP = 900, 78, 58
BOX = (210, 42)  # width, height
ENCODER, DECODER = 195, 645  # the horizontal center of each column
RIGHT = DECODER + BOX[0] / 2  # the right edge of the decoder boxes
BUS = {"forward": 466, "backward": 434}  # x of the memory's line, and its gradient's
HEAD = {"forward": 832, "backward": 858}  # x of the lines between the table and the head
APART = 15  # distance of the two arrows from the center of a column
EDGE = BOX[1] / 2


class Step(NamedTuple):
    """One box, and the value that leaves it upwards."""

    name: str
    formula: str
    out: str
    block: int | None = None  # index of the block that contains the step


def steps_of(half: Layer, title: str, shape: str) -> list[Step]:
    """The boxes of the encoder or decoder, from the bottom."""
    steps = [Step(f"{title}.embedding", "√C wte[tokens] + positions", f"x {shape}")]
    for i, block in enumerate(half.h):  # type: ignore[attr-defined]
        parts = [
            name
            for name, part in vars(block).items()
            if isinstance(part, SelfAttention | CrossAttention | MLP)
        ]
        for number, name in enumerate(parts, start=1):
            inputs = "x, memory" if name == "cross" else "x"
            formula = f"ln_{number}(x + {name}({inputs}))"
            steps.append(Step(f"h.{i}.{name}", formula, f"x {shape}", i))
    return steps


def draw(model: Transformer) -> str:
    """Draw the model as SVG."""
    encoder = steps_of(model.encoder, "encoder", "(B, S, C)")
    decoder = steps_of(model.decoder, "decoder", "(B, T, C)")
    decoder.append(Step("lm_head", "x wteᵀ", "logits (B, T, V)"))
    decoder.append(Step("cross_entropy", "with targets (B, T)", ""))
    crosses = [i for i, step in enumerate(decoder) if step.name.endswith("cross")]
    top = len(decoder)  # row 0 is the table, the decoder is above it
    memory = crosses[-1] + 2  # right above the last box that uses it

    parts = [
        svg.opening(WIDTH, _y(0, top) + 50, "A Transformer: forward upwards, backward downwards"),
        svg.text(ENCODER, 22, "encoder", "title"),
        svg.text(DECODER, 22, "decoder", "title"),
        svg.text((ENCODER + DECODER) / 2, 22, "forward upwards, backward downwards", "small"),
    ]
    for steps, x in ((encoder, ENCODER), (decoder, DECODER)):
        parts += _frames(steps, x, top)
        for row, step in enumerate(steps, start=1):
            parts += svg.box((x, _y(row, top)), BOX, "forward", step.name, step.formula)
        for row, step in enumerate(steps[:-1], start=1):
            parts += _pair(x, _y(row, top), _y(row + 1, top), step.out)
    last = len(encoder)
    parts += _pair(ENCODER, _y(last, top), _y(memory, top), encoder[-1].out)
    parts += svg.box((ENCODER, _y(memory, top)), BOX, "saved", "memory", "(B, S, C)")
    parts += _memory(_y(memory, top), [_y(row + 1, top) for row in crosses])
    parts += _table(top)
    return "\n".join([*parts, "</svg>"])


def _y(row: int, top: int) -> float:
    """The vertical center of a row, counted from the bottom; row ``top`` is the highest."""
    return TOP + ROW * (top - row) + EDGE


def _frames(steps: list[Step], x: float, top: int) -> list[str]:
    """Draw a frame around the boxes of each block."""
    parts = []
    for block in sorted({step.block for step in steps if step.block is not None}):
        rows = [row for row, step in enumerate(steps, start=1) if step.block == block]
        high, low = _y(rows[-1], top) - EDGE - 9, _y(rows[0], top) + EDGE + 9
        left, width = x - BOX[0] / 2 - 12, BOX[0] + 24
        parts.append(
            f'<rect class="frame" x="{left}" y="{high}" width="{width}" '
            f'height="{low - high}" rx="10"/>'
        )
    return parts


def _pair(x: float, low: float, high: float, out: str, back: str = "") -> list[str]:
    """Draw an arrow up for a value, and an arrow down for its gradient."""
    low, high = low - EDGE, high + EDGE
    middle = (low + high) / 2 + 4
    return [
        svg.arrow([(x - APART, low), (x - APART, high)], "forward"),
        svg.arrow([(x + APART, high), (x + APART, low)], "backward"),
        svg.text(x - APART - 8, middle, out, "small", "end"),
        svg.text(x + APART + 8, middle, back or f"d{out.split()[0]}", "small", "start"),
    ]


def _memory(high: float, rows: list[float]) -> list[str]:
    """Draw lines from the memory to each cross-attention, and back for the sum of gradients."""
    edge = ENCODER + BOX[0] / 2
    left = DECODER - BOX[0] / 2
    out, back = high - 8, high + 8
    down, up = BUS["forward"], BUS["backward"]
    parts = [
        svg.line([(edge, out), (down, out), (down, rows[0] - 8)], "forward"),
        svg.arrow([(up, rows[0] + 8), (up, back), (edge, back)], "backward"),
        svg.text(edge + 8, out - 6, "to every block", "small", "start"),
        svg.text(edge + 8, back + 16, "dmemory: the sum", "small", "start"),
    ]
    for y in rows:
        parts.append(svg.arrow([(down, y - 8), (left, y - 8)], "forward"))
        parts.append(svg.line([(left, y + 8), (up, y + 8)], "backward"))
        parts.append(svg.text(left - 16, y - 14, "memory", "small", "end"))
        parts.append(svg.text(left - 16, y + 22, "dmemory", "small", "end"))
    for y in rows[1:]:
        parts.append(f'<circle class="join" cx="{up}" cy="{y + 8}" r="8"/>')
        parts.append(svg.text(up, y + 12, "+", "code"))
    return parts


def _table(top: int) -> list[str]:
    """Draw the embedding table, which is used three times."""
    y, left, right = _y(0, top), ENCODER - BOX[0] / 2, 876
    parts = svg.box(
        ((left + right) / 2, y),
        (right - left, BOX[1]),
        "saved",
        "wte.weight (V, C)",
        "used three times; its gradient is a sum of three terms",
    )
    for x in (ENCODER, DECODER):
        parts += _pair(x, y, _y(1, top), "rows", "added to the rows")
    head = _y(top - 1, top)
    up, down = HEAD["forward"], HEAD["backward"]
    parts.append(svg.arrow([(up, y - EDGE), (up, head + 8), (RIGHT, head + 8)], "forward"))
    parts.append(svg.arrow([(RIGHT, head - 8), (down, head - 8), (down, y - EDGE)], "backward"))
    return parts


class TransformerDrawing(SphinxDirective):
    """Draw the Transformer of the paper, with two blocks in each half instead of six."""

    def run(self) -> list[nodes.Node]:
        config = TransformerConfig(
            n_encoder_layer=2, n_decoder_layer=2, n_embd=8, n_head=2, vocab_size=11
        )
        html = f'<div class="block-drawing">{draw(Transformer(config))}</div>'
        return [nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("transformer-drawing", TransformerDrawing)
    return {"parallel_read_safe": True}
