"""Cases of the soft cap."""

import numpy as np

from scratchgpt.ops import soft_cap_backward, soft_cap_forward
from scratchgpt.verify.examples.case import Case, Draw, Example

_draw = Draw("soft_cap")

SOFT_CAP = Example(
    "soft_cap",
    soft_cap_forward,
    soft_cap_backward,
    (
        Case("general", {"x": 3 * _draw.normal(2, 3, 5)}, {"cap": 2.5}),
        Case("a high cap", {"x": _draw.normal(3, 7)}, {"cap": 15.0}),
        Case("a low cap", {"x": _draw.normal(3, 4)}, {"cap": 0.5}),
        Case("zero and small", {"x": np.array([0.0, -0.0, 1e-9, -1e-3, 0.02])}, {"cap": 1.5}),
        Case("one element", {"x": _draw.normal(1, 1)}, {"cap": 3.0}),
        Case("no axis", {"x": np.array(1.5)}, {"cap": 2.0}),
        Case("fortran order", {"x": _draw.normal(3, 4, 2)}, {"cap": 1.2}, "fortran"),
        Case("strided", {"x": _draw.normal(4, 3)}, {"cap": 0.8}, "strided"),
    ),
)
