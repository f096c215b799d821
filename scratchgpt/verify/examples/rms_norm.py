"""Cases of RMS normalization."""

import numpy as np

from scratchgpt.ops import (
    residual_rms_norm_backward,
    residual_rms_norm_forward,
    rms_norm_backward,
    rms_norm_forward,
)
from scratchgpt.verify.examples.case import Case, Draw, Example

_draw = Draw("rms_norm")


def _inputs(*shape: int, weight: bool = True) -> dict[str, object]:
    return {
        "x": _draw.normal(*shape),
        "weight": _draw.away_from_one(shape[-1]) if weight else None,
    }


def _with_x(x: np.ndarray) -> dict[str, object]:
    return {**_inputs(*x.shape), "x": x}


_rows = np.array([[1.0], [0.0], [2.0]])

RMS_NORM = Example(
    "rms_norm",
    rms_norm_forward,
    rms_norm_backward,
    (
        Case("general", _inputs(2, 3, 5)),
        Case("no weight", _inputs(3, 7, weight=False)),
        Case("one row", _inputs(1, 1, 6)),
        Case("a vector", _inputs(4)),
        Case("four axes", _inputs(2, 1, 3, 5)),
        Case("five axes", _inputs(2, 1, 2, 3, 4)),
        # With a small epsilon, its gradient would be a difference of nearly equal numbers.
        Case("one channel", _inputs(4, 1), {"eps": 0.5}),
        Case("large epsilon", _inputs(3, 5), {"eps": 0.3}),
        Case("a row of zeros", _with_x(_draw.normal(3, 6) * _rows), {"eps": 0.2}),
        Case("rows far from zero", _with_x(_draw.normal(3, 6) + 8 * np.arange(3.0)[:, None])),
        Case("tiny rows", _with_x(1e-6 * _draw.normal(3, 6))),
        Case("large rows", _with_x(1e4 * _draw.normal(3, 6))),
        Case("fortran order", _inputs(3, 4, 6), layout="fortran"),
        Case("strided", _inputs(4, 5), layout="strided"),
        Case("reversed", _inputs(2, 7), layout="reversed"),
    ),
)


def _with_branch(*shape: int, weight: bool = True) -> dict[str, object]:
    inputs = _inputs(*shape, weight=weight)
    return {"x": inputs.pop("x"), "branch": _draw.normal(*shape), **inputs}


RESIDUAL_RMS_NORM = Example(
    "residual_rms_norm",
    residual_rms_norm_forward,
    residual_rms_norm_backward,
    (
        Case("general", _with_branch(2, 3, 5)),
        Case("no weight", _with_branch(3, 7, weight=False)),
        Case("one row", _with_branch(1, 1, 6)),
        Case("large epsilon", _with_branch(3, 5), {"eps": 0.3}),
        Case("fortran order", _with_branch(3, 4, 6), layout="fortran"),
        Case("strided", _with_branch(4, 5), layout="strided"),
    ),
)
