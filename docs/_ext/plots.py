"""Plots that the build computes: ``{plot} gelu``, ``{plot} directions``, ``{plot} bytes``.

They are SVG without colors; the style sheet defines light and dark colors.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import svg
from docutils import nodes
from recorded_step import array_of, content
from running_example import example
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from scratchgpt import kernels, ops, optim
from scratchgpt.explore.html.text import number
from scratchgpt.explore.saved_bytes import timeline


class Frame(NamedTuple):
    """A rectangle of the picture, and the numbers at its edges."""

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> svg.Point:
        (x0, x1), (y0, y1) = self.x, self.y
        right = self.left + self.width * (x - x0) / (x1 - x0)
        return round(right, 1), round(self.top + self.height * (y1 - y) / (y1 - y0), 1)

    def curve(self, xs: Any, ys: Any, style: str) -> str:
        return svg.line([self.at(x, y) for x, y in zip(xs, ys, strict=True)], style)

    def grid(self, xs: Sequence[float], ys: Sequence[float]) -> list[str]:
        """Draw lines at these numbers, and the numbers."""
        parts = []
        for x in xs:
            (a, b), (_, c) = self.at(x, self.y[0]), self.at(x, self.y[1])
            parts += [svg.line([(a, b), (a, c)], "grid"), svg.text(a, b + 16, f"{x:g}", "small")]
        for y in ys:
            (a, b), (c, _) = self.at(self.x[0], y), self.at(self.x[1], y)
            parts.append(svg.line([(a, b), (c, b)], "grid"))
            parts.append(svg.text(a - 6, b + 4, f"{y:g}", "small", anchor="end"))
        return parts


def picture(size: tuple[int, int], label: str, parts: list[str]) -> str:
    width, height = size
    return "\n".join([svg.opening(width, height, label), *parts, "</svg>"])


def gelu() -> str:
    """GELU, its slope, and the inputs at which the running example evaluates them."""
    x = np.linspace(-4, 4, 161)
    with kernels.disabled():
        y, saved = ops.gelu_forward(x, "tanh")
        slope = ops.gelu_backward(np.ones_like(x), saved)
    inputs = array_of(example("gelu").rows, "forward", "x")
    parts = []
    for left, (title, ys, style, high) in zip(
        (50, 480),
        (
            ("forward: y", y, "forward", 4.0),
            ("backward: the slope, by which dy is multiplied", slope, "backward", 1.2),
        ),
        strict=True,
    ):
        frame = Frame(left, 34, 360, 230, (-4, 4), (-0.2, high))
        parts += frame.grid([-4, -2, 0, 2, 4], [0, 1] if high < 2 else [0, 2, 4])
        parts += [frame.curve(x, ys, style), svg.text(left + 180, 18, title, "title")]
        counts, edges = np.histogram(inputs, bins=40, range=(-4, 4))
        for count, low, following in zip(counts, edges, edges[1:], strict=False):
            (a, b), (c, _) = frame.at(low, -0.2), frame.at(following, -0.2)
            tall = round(60 * count / counts.max(), 1)
            parts.append(
                f'<rect class="bar saved" x="{a}" y="{b - tall}" width="{round(c - a - 1, 1)}" '
                f'height="{tall}"/>'
            )
    label = "GELU and its slope, with a histogram of the inputs in the running example"
    return picture((860, 300), label, parts)


def directions() -> str:
    """The gradient of the row of a layer norm of which the most is taken away."""
    rows = example("layer_norm").rows
    x_hats, dx_hats = array_of(rows, "forward", "x_hat"), array_of(rows, "backward", "dx_hat")
    taken = dx_hats.mean(axis=1) ** 2 + (dx_hats * x_hats).mean(axis=1) ** 2
    row = np.argmax(taken / (dx_hats**2).mean(axis=1))
    x_hat, dx_hat = x_hats[row], dx_hats[row]
    mean = np.full_like(dx_hat, dx_hat.mean())
    along = x_hat * (dx_hat * x_hat).mean()
    rest = dx_hat - mean - along
    n, high = len(x_hat), float(np.abs(dx_hat).max()) * 1.15
    parts = []
    for i, (title, values, style) in enumerate(
        (
            ("the gradient of x̂", dx_hat, "backward"),
            ("− its mean", mean, "saved"),
            ("− its part along x̂", along, "saved"),
            ("= what is left, times rstd", rest, "backward"),
        )
    ):
        frame = Frame(8 + 214 * i, 34, 200, 150, (0, n), (-high, high))
        middle = frame.at(0, 0)[1]
        parts.append(svg.text(frame.left + 100, 18, title, "title"))
        parts.append(svg.line([(frame.left, middle), (frame.left + 200, middle)], "grid"))
        for c, value in enumerate(values):
            (a, b), wide = frame.at(c, max(float(value), 0)), 200 / n - 2
            tall = abs(frame.at(c, float(value))[1] - middle)
            parts.append(
                f'<rect class="bar {style}" x="{round(a + 1, 1)}" y="{b}" '
                f'width="{round(wide, 1)}" height="{round(tall, 2)}"/>'
            )
        sums = (values.sum(), (values * x_hat).sum())
        scale = float(np.abs(dx_hat).sum())
        words = [number(float(s), 2) if abs(s) > 1e-5 * scale else "0" for s in sums]
        parts.append(svg.text(frame.left + 100, 204, f"sum {words[0]}", "small"))
        parts.append(svg.text(frame.left + 100, 220, f"product with x̂ {words[1]}", "small"))
    label = "The gradient of one row of a layer norm, and the two parts that are taken away"
    return picture((860, 232), label, parts)


def alive() -> str:
    """The bytes that later steps need, over the steps of the running example."""
    moments = timeline(content().cards, content().sizes)
    numbers = [0, *(moment.number for moment in moments)]
    ours, autograd = [0, *(m.ours for m in moments)], [0, *(m.autograd for m in moments)]
    top = max(*ours, *autograd)
    middle = len(moments) // 2
    frame = Frame(70, 34, 760, 230, (0, len(moments)), (0, top * 1.05 / 1000))
    ticks = range(0, int(top / 1000) + 1, 20)
    parts = frame.grid([0, middle, len(moments)], list(ticks))
    for values, style in ((autograd, "saved"), (ours, "forward")):
        xs = [x for n in numbers for x in (n, n)][1:]
        ys = [y / 1000 for y in values for _ in range(2)][:-1]
        parts.append(frame.curve(xs, ys, style))
    for way, where in (("forward", middle / 2), ("backward", 1.5 * middle)):
        parts.append(svg.text(frame.at(where, 0)[0], 18, way, "title"))
    for y, words, values, style in (
        (62, "autograd", autograd, "saved"),
        (84, "scratchgpt", ours, "forward"),
    ):
        parts.append(svg.line([(90, y - 4), (114, y - 4)], style))
        shown = f"{words}, at most {max(values):,} bytes"
        parts.append(svg.text(122, y, shown, "small", "start"))
    parts.append(svg.text(14, 22, "kB", "small", "start"))
    label = f"Bytes alive over the {len(moments)} steps of the running example"
    return picture((860, 300), label, parts)


def singular_values() -> str:
    """What the iterations of Muon do to a singular value, with two sets of coefficients."""
    sizes = np.linspace(0, 1, 201)

    def after(n: int, coefficients: tuple[float, float, float]) -> Any:
        one = [np.diag(np.array([x, np.sqrt(1 - x * x)])) for x in sizes]  # of norm 1
        settings: Any = {"n_iterations": n, "coefficients": coefficients}
        return [optim.newton_schulz(x, **settings)[0, 0] for x in one]

    parts = []
    for left, (title, coefficients) in zip(
        (50, 480),
        (
            ("15/8, −10/8, 3/8: converges to 1", (15 / 8, -10 / 8, 3 / 8)),
            ("Jordan’s: steeper at 0, and only near 1", optim.orthogonalize.COEFFICIENTS),
        ),
        strict=True,
    ):
        frame = Frame(left, 34, 360, 230, (0, 1), (0, 1.3))
        parts += frame.grid([0, 0.5, 1], [0, 0.5, 1])
        parts.append(svg.text(left + 180, 18, title, "title"))
        for n, style in ((1, "saved"), (5, "forward")):
            parts.append(frame.curve(sizes, after(n, coefficients), style))
        for y, words, style in ((226, "1 iteration", "saved"), (246, "5 iterations", "forward")):
            parts.append(svg.line([(left + 250, y - 4), (left + 274, y - 4)], style))
            parts.append(svg.text(left + 282, y, words, "small", "start"))
    label = "Singular values after one and after five iterations, against those before"
    return picture((860, 300), label, parts)


PLOTS: dict[str, Callable[[], str]] = {
    "gelu": gelu,
    "directions": directions,
    "bytes": alive,
    "singular_values": singular_values,
}


class Plot(SphinxDirective):
    """One of the plots, by its name."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        html = f'<div class="block-drawing plot">{PLOTS[self.arguments[0]]()}</div>'
        return [nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("plot", Plot)
    return {"parallel_read_safe": True}
