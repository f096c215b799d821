"""Cases of the operations that turn scores into probabilities or into a loss."""

import numpy as np

from scratchgpt.ops import (
    IGNORE_INDEX,
    cross_entropy_backward,
    cross_entropy_forward,
    log_softmax_backward,
    log_softmax_forward,
    softmax_backward,
    softmax_forward,
)
from scratchgpt.verify.examples.case import Case, Draw, Example

_draw = Draw("classification")
_large = 1e4 * np.array([[1.0, -1.0, 0.5, 1.0, -0.2], [-1.0, 1.0, 1.0, -1.0, 0.3]])
_ruled_out = np.where(_draw.booleans(4, 6, p=0.4), -np.inf, _draw.normal(4, 6))
_ruled_out[:, 2] = _draw.normal(4)  # one class always remains
_masked_row = _ruled_out.copy()
_masked_row[1] = -np.inf

_both = (
    Case("general", {"x": _draw.normal(2, 3, 5)}),
    Case("first axis", {"x": _draw.normal(4, 3, 2)}, {"axis": 0}),
    Case("middle axis", {"x": _draw.normal(2, 5, 3)}, {"axis": 1}),
    Case("wide", {"x": 5 * _draw.normal(3, 7)}),
    Case("one class", {"x": _draw.normal(3, 1)}),
    Case("one line", {"x": _draw.normal(1, 1, 4)}),
    Case("large logits", {"x": _large}),
    Case("equal logits", {"x": np.full((2, 4), 3.0)}),
    Case("classes ruled out", {"x": _ruled_out}),
    Case("fortran order", {"x": _draw.normal(3, 4, 2)}, layout="fortran"),
    Case("strided", {"x": _draw.normal(4, 3)}, {"axis": -2}, layout="strided"),
)

SOFTMAX = Example(
    "softmax",
    softmax_forward,
    softmax_backward,
    (*_both, Case("a line fully masked", {"x": _masked_row})),
)
LOG_SOFTMAX = Example("log_softmax", log_softmax_forward, log_softmax_backward, _both)


def _scored(vocab_size: int, *shape: int) -> dict[str, np.ndarray]:
    return {
        "logits": 2 * _draw.normal(*shape, vocab_size),
        "targets": _draw.integers(vocab_size, *shape),
    }


def _ignoring(inputs: dict[str, np.ndarray], keep: int) -> dict[str, np.ndarray]:
    """Ignore all targets except the first ``keep`` in C order, counted from the end."""
    targets = np.full(inputs["targets"].shape, IGNORE_INDEX)
    if keep:
        targets.reshape(-1)[-keep:] = inputs["targets"].reshape(-1)[-keep:]
    return {**inputs, "targets": targets}


CROSS_ENTROPY = Example(
    "cross_entropy",
    cross_entropy_forward,
    cross_entropy_backward,
    (
        *(
            Case(
                f"{reduction}, label_smoothing={smoothing}",
                _ignoring(_scored(7, 2, 5), keep=6),
                {"reduction": reduction, "label_smoothing": smoothing},
            )
            for reduction in ("mean", "sum", "none")
            for smoothing in (0.0, 0.1)
        ),
        Case("uniform target", _scored(5, 4), {"label_smoothing": 1.0}),
        Case("one row", _scored(6, 1, 1)),
        Case("no row axis", {"logits": _draw.normal(5), "targets": np.array(3)}),
        Case("one class", _scored(1, 3)),
        Case("all ignored but one", _ignoring(_scored(5, 3, 4), keep=1)),
        Case("all ignored", _ignoring(_scored(5, 3), keep=0)),
        Case("all ignored, sum", _ignoring(_scored(5, 3), keep=0), {"reduction": "sum"}),
        Case(
            "another ignore_index",
            {"logits": _draw.normal(4, 6), "targets": np.array([0, 2, 0, 5])},
            {"ignore_index": 0},
        ),
        Case("large logits", {"logits": _large, "targets": np.array([1, 2])}),
        Case("fortran order", _scored(5, 3, 4), layout="fortran"),
        Case("strided", _scored(4, 5), layout="strided"),
    ),
)
