"""Elements of a drawing as SVG without colors; the style sheet defines light and dark colors."""

import numpy as np

Point = tuple[float, float]


def opening(width: float, height: float, label: str) -> str:
    """Return the opening tag; with the namespace, a drawing is valid in HTML and in an EPUB."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{label}">'
    )


def text(x: float, y: float, words: str, style: str, anchor: str = "middle") -> str:
    return f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>'


def box(center: Point, size: Point, style: str, name: str, below: str) -> list[str]:
    """A rectangle with a name in it, and smaller text under the name."""
    (x, y), (width, height) = center, size
    return [
        f'<rect class="box {style}" x="{x - width / 2}" y="{y - height / 2}" '
        f'width="{width}" height="{height}" rx="6"/>',
        text(x, y - 3, name, "code"),
        text(x, y + 13, below, "small"),
    ]


def arrow(points: list[Point], style: str) -> str:
    """A line through the points, parallel to the axes, with an arrowhead at its end."""
    (x0, y0), (x, y) = points[-2:]
    along = (np.sign(x - x0), np.sign(y - y0))
    back, side = 7, 4
    tip = [
        (x, y),
        (x - back * along[0] + side * along[1], y - back * along[1] + side * along[0]),
        (x - back * along[0] - side * along[1], y - back * along[1] - side * along[0]),
    ]
    corners = " ".join(f"{a},{b}" for a, b in tip)
    return line(points, style) + f'<polygon class="tip {style}" points="{corners}"/>'


def line(points: list[Point], style: str) -> str:
    path = "M" + " L".join(f"{x} {y}" for x, y in points)
    return f'<path class="flow {style}" d="{path}"/>'
