"""``{graph}``: draw a computation of numbers, with the value and the gradient of each.

The content is a few assignments: numbers, sums, products and powers of earlier names. The last one
is the loss. The build computes the values from the first line to the last, and the gradients from
the last to the first.
"""

import ast
from typing import Any, NamedTuple

import svg
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

BOX, COLUMN, ROW, MARGIN = (150, 40), 200, 66, 10


class Node(NamedTuple):
    name: str
    written: str  # the right side
    inputs: list[str]
    value: float
    slopes: list[float]  # with respect to each input


def compute(lines: list[str]) -> list[Node]:
    """Compute the value of each line, and its slopes with respect to its inputs."""
    nodes: list[Node] = []
    values: dict[str, float] = {}
    for line in lines:
        name, _, written = (part.strip() for part in line.partition("="))
        tree = ast.parse(written, mode="eval").body
        inputs, slopes = [], []
        if isinstance(tree, ast.BinOp):
            a, b = (_value(side, values) for side in (tree.left, tree.right))
            by_side = {
                ast.Add: (1.0, 1.0),
                ast.Sub: (1.0, -1.0),
                ast.Mult: (b, a),
                ast.Pow: (b * a ** (b - 1), 0.0),
            }[type(tree.op)]
            for side, slope in zip((tree.left, tree.right), by_side, strict=True):
                if isinstance(side, ast.Name):
                    inputs.append(side.id)
                    slopes.append(slope)
        values[name] = float(eval(written, {}, values))
        nodes.append(Node(name, written, inputs, values[name], slopes))
    return nodes


def gradients(nodes: list[Node]) -> dict[str, float]:
    """Compute the gradient of the last value with respect to each: the sum over all uses."""
    found = dict.fromkeys((node.name for node in nodes), 0.0)
    found[nodes[-1].name] = 1.0
    for node in reversed(nodes):
        for name, slope in zip(node.inputs, node.slopes, strict=True):
            found[name] += found[node.name] * slope
    return found


def draw(nodes: list[Node]) -> str:
    """Draw inputs on the left, results on the right."""
    depth: dict[str, int] = {}
    rows: dict[str, int] = {}
    for node in nodes:
        depth[node.name] = 1 + max((depth[name] for name in node.inputs), default=-1)
        rows[node.name] = sum(depth[name] == depth[node.name] for name in rows)
    counts = [list(depth.values()).count(column) for column in range(max(depth.values()) + 1)]
    height, tallest = 2 * MARGIN + ROW * max(counts), max(counts)

    def center(name: str) -> svg.Point:
        first = (tallest - counts[depth[name]]) / 2
        return MARGIN + BOX[0] / 2 + COLUMN * depth[name], MARGIN + ROW * (first + rows[name] + 0.5)

    width = 2 * MARGIN + BOX[0] + COLUMN * max(depth.values())
    label = "A computation: " + "; ".join(f"{node.name} = {node.written}" for node in nodes)
    parts = [svg.opening(width, height, label)]
    found = gradients(nodes)
    for node in nodes:
        for k, name in enumerate(node.inputs):
            (x0, y0), (x1, y1) = center(name), center(node.name)
            start, stop = x0 + BOX[0] / 2, x1 - BOX[0] / 2
            y1 += 10 * (2 * k - len(node.inputs) + 1)
            bend = stop - 16 - 8 * k
            parts.append(svg.arrow([(start, y0), (bend, y0), (bend, y1), (stop, y1)], "forward"))
    for node in nodes:
        style = "saved" if not node.inputs else "forward"
        title = node.name if not node.inputs else f"{node.name} = {node.written}"
        below = f"{node.value:g}, gradient {found[node.name]:g}"
        parts += svg.box(center(node.name), BOX, style, title.replace("**", "^"), below)
    return "\n".join([*parts, "</svg>"])


def _value(side: ast.expr, values: dict[str, float]) -> float:
    return float(eval(ast.unparse(side), {}, values))


class Graph(SphinxDirective):
    """Draw the assignments of the content."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        html = f'<div class="block-drawing graph">{draw(compute(list(self.content)))}</div>'
        return [nodes.raw("", html, format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("graph", Graph)
    return {"parallel_read_safe": True}
