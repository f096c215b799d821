"""Cases of rotary positions."""

from typing import Any

import numpy as np

from scratchgpt.ops import rotary_backward, rotary_forward
from scratchgpt.verify.examples.case import Case, Draw, Example

_draw = Draw("rotary")


def _angles(*shape: int) -> dict[str, Any]:
    """Sample cosine and sine of angles that belong to no positions."""
    angles = 3 * _draw.normal(*shape)
    return {"cos": np.cos(angles), "sin": np.sin(angles)}


ROTARY = Example(
    "rotary",
    rotary_forward,
    rotary_backward,
    (
        *(
            Case(f"{note}, {pairing}", {"x": x}, {**angles, "pairing": pairing}, layout)
            for pairing in ("halves", "neighbors")
            for note, x, angles, layout in (
                ("general", _draw.normal(2, 3, 4, 10), _angles(4, 5), "C"),
                ("a table for each text", _draw.normal(3, 2, 4, 6), _angles(3, 1, 4, 3), "C"),
                ("one head", _draw.normal(5, 8), _angles(5, 4), "C"),
                ("fortran order", _draw.normal(2, 3, 4), _angles(3, 2), "fortran"),
                ("strided", _draw.normal(2, 3, 4, 6), _angles(4, 3), "strided"),
            )
        ),
        Case("one pair", {"x": _draw.normal(2, 3, 4, 2)}, _angles(4, 1)),
        Case("one position", {"x": _draw.normal(2, 3, 1, 6)}, _angles(1, 3)),
        Case("one angle", {"x": _draw.normal(2, 3, 4, 6)}, _angles(1)),
        Case("one angle for each position", {"x": _draw.normal(2, 3, 4, 6)}, _angles(4, 1)),
        Case("five axes", {"x": _draw.normal(2, 1, 3, 5, 4)}, _angles(3, 5, 2)),
    ),
)
