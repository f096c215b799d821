"""Cases of layer normalization."""

import numpy as np

from scratchgpt.ops import (
    layer_norm_backward,
    layer_norm_forward,
    residual_layer_norm_backward,
    residual_layer_norm_forward,
)
from scratchgpt.verify.examples.case import Case, Draw, Example

_draw = Draw("layer_norm")


def _inputs(*shape: int, bias: bool = True) -> dict[str, object]:
    n = shape[-1]
    return {
        "x": _draw.normal(*shape),
        "weight": _draw.away_from_one(n),
        "bias": _draw.normal(n) if bias else None,
    }


def _with_x(x: np.ndarray) -> dict[str, object]:
    return {**_inputs(*x.shape), "x": x}


_offset = np.arange(3.0)[:, None]  # the rows have different means

LAYER_NORM = Example(
    "layer_norm",
    layer_norm_forward,
    layer_norm_backward,
    (
        Case("general", _inputs(2, 3, 5)),
        Case("no bias", _inputs(3, 7, bias=False)),
        Case("one row", _inputs(1, 1, 6)),
        Case("a vector", _inputs(4)),
        Case("four axes", _inputs(2, 1, 3, 5)),
        Case("one channel", _inputs(4, 1)),
        Case("large epsilon", _inputs(3, 5), {"eps": 0.3}),
        Case("rows far from zero", _with_x(_draw.normal(3, 6) + 8 * _offset)),
        Case("tiny variance", _with_x(1e-6 * _draw.normal(3, 6))),
        Case("large variance", _with_x(1e4 * _draw.normal(3, 6))),
        Case("rows of equal values", _with_x(np.ones((3, 6)) + _offset)),
        Case("fortran order", _inputs(3, 4, 6), layout="fortran"),
        Case("strided", _inputs(4, 5), layout="strided"),
        Case("reversed", _inputs(2, 7), layout="reversed"),
    ),
)


def _with_branch(*shape: int, bias: bool = True) -> dict[str, object]:
    inputs = _inputs(*shape, bias=bias)
    return {"x": inputs.pop("x"), "branch": _draw.normal(*shape), **inputs}


RESIDUAL_LAYER_NORM = Example(
    "residual_layer_norm",
    residual_layer_norm_forward,
    residual_layer_norm_backward,
    (
        Case("general", _with_branch(2, 3, 5)),
        Case("no bias", _with_branch(3, 7, bias=False)),
        Case("one row", _with_branch(1, 1, 6)),
        Case("large epsilon", _with_branch(3, 5), {"eps": 0.3}),
        Case("fortran order", _with_branch(3, 4, 6), layout="fortran"),
        Case("strided", _with_branch(4, 5), layout="strided"),
    ),
)
