"""Cases of the operations with a weight matrix, which look up its rows or multiply with it."""

import numpy as np

from scratchgpt.ops import embedding_backward, embedding_forward, linear_backward, linear_forward
from scratchgpt.verify.examples.case import Case, Draw, Example

_draw = Draw("linear")

LINEAR = Example(
    "linear",
    linear_forward,
    linear_backward,
    (
        Case(
            "general",
            {"x": _draw.normal(2, 3, 5), "weight": _draw.normal(5, 7), "bias": _draw.normal(7)},
        ),
        Case(
            "no bias",
            {"x": _draw.normal(4, 3), "weight": _draw.normal(3, 5), "bias": None},
        ),
        Case(
            "one row",
            {"x": _draw.normal(1, 1, 6), "weight": _draw.normal(6, 4), "bias": _draw.normal(4)},
        ),
        Case("a vector", {"x": _draw.normal(3), "weight": _draw.normal(3, 2)}),
        Case(
            "sizes of one",
            {"x": _draw.normal(3, 1), "weight": _draw.normal(1, 1), "bias": _draw.normal(1)},
        ),
        Case(
            "four axes, fortran order",
            {
                "x": _draw.normal(2, 3, 4, 5),
                "weight": _draw.normal(5, 6),
                "bias": _draw.normal(6),
            },
            layout="fortran",
        ),
        Case(
            "strided",
            {"x": _draw.normal(3, 4, 5), "weight": _draw.normal(5, 2), "bias": _draw.normal(2)},
            layout="strided",
        ),
    ),
)

EMBEDDING = Example(
    "embedding",
    embedding_forward,
    embedding_backward,
    (
        Case(
            "repeated tokens",
            {
                "tokens": np.array([[3, 0, 3, 3], [6, 6, 0, 3], [1, 3, 5, 6]]),
                "weight": _draw.normal(7, 5),
            },
        ),
        Case("one token", {"tokens": np.array([[2]]), "weight": _draw.normal(4, 3)}),
        Case("always the last token", {"tokens": np.full((2, 3), 4), "weight": _draw.normal(5, 6)}),
        Case("one axis", {"tokens": np.array([1, 0, 2, 1]), "weight": _draw.normal(3, 2)}),
        Case(
            "32-bit ids",
            {"tokens": np.array([[1, 5], [5, 0]], np.int32), "weight": _draw.normal(6, 3)},
        ),
        Case(
            "strided",
            {"tokens": _draw.integers(6, 3, 4), "weight": _draw.normal(6, 5)},
            layout="strided",
        ),
        Case(
            "fortran order",
            {"tokens": _draw.integers(5, 2, 3, 4), "weight": _draw.normal(5, 7)},
            layout="fortran",
        ),
    ),
)
