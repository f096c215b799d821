"""Cases of elementwise operations."""

import numpy as np

from scratchgpt.ops import (
    broadcast_backward,
    broadcast_forward,
    dropout_backward,
    dropout_forward,
    gated_product_backward,
    gated_product_forward,
    gelu_backward,
    gelu_forward,
    relu_backward,
    relu_forward,
    relu_squared_backward,
    relu_squared_forward,
    residual_backward,
    residual_forward,
    silu_backward,
    silu_forward,
)
from scratchgpt.verify.examples.case import Case, Draw, Example

_draw = Draw("pointwise")

GELU = Example(
    "gelu",
    gelu_forward,
    gelu_backward,
    tuple(
        Case(f"{note}, {approximate}", {"x": x}, {"approximate": approximate}, layout)
        for approximate in ("tanh", "none")
        for note, x, layout in (
            ("general", _draw.normal(2, 3, 5), "C"),
            ("wide", 4 * _draw.normal(3, 7), "C"),
            ("zero and small", np.array([0.0, -0.0, 1e-9, -1e-3, 0.02]), "C"),
            ("far out", np.array([-30.0, -6.0, 6.0, 30.0]), "C"),
            ("one element", _draw.normal(1, 1), "C"),
            ("fortran order", _draw.normal(3, 4, 2), "fortran"),
            ("strided", _draw.normal(4, 3), "strided"),
        )
    ),
)

RELU = Example(
    "relu",
    relu_forward,
    relu_backward,
    (
        Case("general", {"x": _draw.away_from_zero(2, 3, 5)}),
        Case("all cut off", {"x": -1.0 - _draw.booleans(3, 4)}),
        Case("one element", {"x": np.array([[0.7]])}),
        Case("no axis", {"x": np.array(1.5)}),
        Case("large and small", {"x": np.array([1e4, -1e4, 1e-3, -1e-3])}),
        Case("fortran order", {"x": _draw.away_from_zero(3, 4, 2)}, layout="fortran"),
        Case("strided", {"x": _draw.away_from_zero(4, 3)}, layout="strided"),
    ),
)

DROPOUT = Example(
    "dropout",
    dropout_forward,
    dropout_backward,
    (
        Case("general", {"x": _draw.normal(2, 3, 5)}, {"p": 0.3, "seed": 5}),
        Case("odd count", {"x": _draw.normal(7)}, {"p": 0.5, "seed": 2**63 - 1}),
        Case("most", {"x": _draw.normal(5, 6)}, {"p": 0.9, "seed": 11}),
        Case("nothing", {"x": _draw.normal(3, 4)}, {"p": 0.0, "seed": 1}),
        Case("everything", {"x": _draw.normal(3, 4)}, {"p": 1.0, "seed": 1}),
        Case("one element", {"x": _draw.normal(1, 1)}, {"p": 0.2, "seed": 3}),
        Case("fortran order", {"x": _draw.normal(3, 4, 2)}, {"p": 0.4, "seed": 8}, "fortran"),
        Case("strided", {"x": _draw.normal(4, 3)}, {"p": 0.4, "seed": 9}, "strided"),
    ),
)

RESIDUAL = Example(
    "residual",
    residual_forward,
    residual_backward,
    (
        Case("general", {"x": _draw.normal(2, 3, 5), "branch": _draw.normal(2, 3, 5)}),
        Case("one element", {"x": _draw.normal(1, 1), "branch": _draw.normal(1, 1)}),
        Case(
            "fortran order",
            {"x": _draw.normal(3, 4), "branch": _draw.normal(3, 4)},
            layout="fortran",
        ),
        Case(
            "strided",
            {"x": _draw.normal(3, 2, 4), "branch": _draw.normal(3, 2, 4)},
            layout="strided",
        ),
    ),
)

BROADCAST = Example(
    "broadcast",
    broadcast_forward,
    broadcast_backward,
    (
        Case("new axes", {"x": _draw.normal(5)}, {"shape": (2, 3, 5)}),
        Case("inner axis", {"x": _draw.normal(2, 1, 5)}, {"shape": (2, 3, 5)}),
        Case("both", {"x": _draw.normal(3, 1)}, {"shape": (2, 3, 5)}),
        Case("two inner axes", {"x": _draw.normal(1, 3, 1)}, {"shape": (4, 2, 3, 5)}),
        Case("nothing", {"x": _draw.normal(2, 3)}, {"shape": (2, 3)}),
        Case("a scalar", {"x": _draw.normal()}, {"shape": (2, 3)}),
        Case("to one", {"x": _draw.normal(1, 3)}, {"shape": (1, 3)}),
        Case("fortran order", {"x": _draw.normal(3, 1, 2)}, {"shape": (3, 4, 2)}, "fortran"),
        Case("strided", {"x": _draw.normal(4, 1)}, {"shape": (2, 4, 3)}, "strided"),
    ),
)

SILU = Example(
    "silu",
    silu_forward,
    silu_backward,
    (
        Case("general", {"x": _draw.normal(2, 3, 5)}),
        Case("wide", {"x": 4 * _draw.normal(3, 7)}),
        Case("zero and small", {"x": np.array([0.0, -0.0, 1e-9, -1e-3, 0.02])}),
        Case("far out", {"x": np.array([-1e4, -40.0, 40.0, 1e4])}),
        Case("no axis", {"x": np.array(1.5)}),
        Case("fortran order", {"x": _draw.normal(3, 4, 2)}, layout="fortran"),
        Case("strided", {"x": _draw.normal(4, 3)}, layout="strided"),
    ),
)

RELU_SQUARED = Example(
    "relu_squared",
    relu_squared_forward,
    relu_squared_backward,
    (
        Case("general", {"x": _draw.away_from_zero(2, 3, 5)}),
        Case("all cut off", {"x": -1.0 - _draw.booleans(3, 4)}),
        Case("one element", {"x": np.array([[0.7]])}),
        Case("no axis", {"x": np.array(1.5)}),
        Case("large and small", {"x": np.array([1e4, -1e4, 1e-3, -1e-3])}),
        Case("fortran order", {"x": _draw.away_from_zero(3, 4, 2)}, layout="fortran"),
        Case("strided", {"x": _draw.away_from_zero(4, 3)}, layout="strided"),
    ),
)

GATED_PRODUCT = Example(
    "gated_product",
    gated_product_forward,
    gated_product_backward,
    (
        Case("general", {"x": _draw.normal(2, 3, 10)}),
        Case("wide", {"x": 4 * _draw.normal(3, 14)}),
        Case("tanh GELU", {"x": _draw.normal(2, 3, 10)}, {"activation": "gelu_tanh"}),
        Case("exact GELU", {"x": _draw.normal(4, 6)}, {"activation": "gelu"}),
        Case("ReLU", {"x": _draw.away_from_zero(2, 3, 10)}, {"activation": "relu"}),
        Case("far out", {"x": np.array([[-40.0, 40.0, 1e3, 2.0, -3.0, 0.5]])}),
        Case("one row", {"x": _draw.normal(8)}),
        Case("one pair", {"x": _draw.normal(3, 2)}),
        Case("fortran order", {"x": _draw.normal(3, 4, 2)}, layout="fortran"),
        Case("strided", {"x": _draw.normal(4, 6)}, layout="strided"),
    ),
)
