"""Cases of the operations that make one vector per text, and compare the vectors."""

from typing import Any

import numpy as np

from scratchgpt.ops import (
    contrastive_backward,
    contrastive_forward,
    last_pool_backward,
    last_pool_forward,
    mean_pool_backward,
    mean_pool_forward,
    unit_backward,
    unit_forward,
)
from scratchgpt.verify.examples.case import Case, Draw, Example

_draw = Draw("text vectors")

UNIT = Example(
    "unit",
    unit_forward,
    unit_backward,
    (
        Case("general", {"x": _draw.normal(2, 3, 5)}),
        Case("one row", {"x": _draw.normal(1, 1, 6)}),
        Case("a vector", {"x": _draw.normal(4)}),
        Case("one channel", {"x": _draw.away_from_zero(3, 1)}),
        Case("equal rows", {"x": np.tile(_draw.normal(5), (3, 1))}),
        Case("one nonzero element per row", {"x": -3.0 * np.eye(4)[:3]}),
        Case("large rows", {"x": 1e4 * _draw.normal(3, 5)}),
        Case("small rows", {"x": 1e-2 * _draw.normal(3, 5)}),
        Case("rows of different lengths", {"x": _draw.normal(3, 4) * [[0.1], [1.0], [10.0]]}),
        Case("fortran order", {"x": _draw.normal(3, 4, 2)}, layout="fortran"),
        Case("strided", {"x": _draw.normal(4, 3)}, layout="strided"),
        Case("reversed", {"x": _draw.normal(2, 7)}, layout="reversed"),
    ),
)


def _states(lengths: list[int], n_time: int, n_channels: int) -> dict[str, Any]:
    return {"x": _draw.normal(len(lengths), n_time, n_channels), "lengths": np.array(lengths)}


_pooled = (
    Case("all lengths", _states([1, 2, 3, 4, 5], 5, 3)),
    Case("equal lengths", _states([4, 4], 4, 6)),
    Case("padding in all texts", _states([2, 1, 3], 5, 4)),
    Case("one text", _states([2], 3, 4)),
    Case("one token", _states([1, 1], 1, 3)),
    Case("one of everything", _states([1], 1, 1)),
    Case("large states", {"x": 1e4 * _draw.normal(2, 4, 3), "lengths": np.array([3, 4])}),
    Case("fortran order", _states([2, 3, 1], 4, 5), layout="fortran"),
    Case("strided", _states([4, 2], 4, 3), layout="strided"),
    Case("reversed", _states([1, 3], 3, 4), layout="reversed"),
)
MEAN_POOL = Example("mean_pool", mean_pool_forward, mean_pool_backward, _pooled)
LAST_POOL = Example("last_pool", last_pool_forward, last_pool_backward, _pooled)


def _pairs(
    n_pairs: int, n_documents: int, n_channels: int, log_scale: float = 0.3
) -> dict[str, Any]:
    return {
        "queries": _draw.normal(n_pairs, n_channels),
        "documents": _draw.normal(n_documents, n_channels),
        "log_scale": np.array([log_scale]),
    }


def _unit_pairs(n_pairs: int, n_documents: int, n_channels: int, scale: float) -> dict[str, Any]:
    inputs = _pairs(n_pairs, n_documents, n_channels, np.log(scale))
    for name in ("queries", "documents"):
        inputs[name], _ = unit_forward(inputs[name])
    return inputs


def _with_equal_rows(name: str) -> dict[str, Any]:
    inputs = _pairs(3, 5, 4)
    inputs[name][:] = inputs[name][0]
    return inputs


_query_keys, _document_keys = np.array([7, 2, 7, 5]), np.array([1, 3, 4, 3, 9, 4])

CONTRASTIVE = Example(
    "contrastive",
    contrastive_forward,
    contrastive_backward,
    (
        Case(
            "equal queries and documents",
            _pairs(4, 6, 5),
            {"query_keys": _query_keys, "document_keys": _document_keys},
        ),
        Case("hard negatives", _pairs(4, 7, 3)),
        Case("no hard negatives", _pairs(4, 4, 6)),
        Case("equal queries", _pairs(4, 5, 3), {"query_keys": _query_keys}),
        Case("equal documents", _pairs(4, 6, 3), {"document_keys": _document_keys}),
        Case("one pair", _pairs(1, 1, 4)),
        Case("one pair and hard negatives", _pairs(1, 4, 3)),
        Case("one channel", _pairs(3, 4, 1)),
        Case("equal rows of queries", _with_equal_rows("queries")),
        Case("equal rows of documents", _with_equal_rows("documents")),
        Case("unit vectors", _unit_pairs(5, 8, 6, scale=20.0)),
        Case("large scale", _unit_pairs(4, 6, 5, scale=100.0)),
        Case("tiny scale", _pairs(3, 5, 4, log_scale=-4.0)),
        Case(
            "large scores",
            {name: 30 * x if x.ndim == 2 else x for name, x in _pairs(3, 5, 4).items()},
        ),
        Case(
            "all left out but the own score",
            _pairs(3, 4, 5),
            {"query_keys": np.zeros(3, int), "document_keys": np.zeros(4, int)},
        ),
        Case(
            "fortran order",
            _pairs(4, 6, 3),
            {"query_keys": _query_keys, "document_keys": _document_keys},
            "fortran",
        ),
        Case("strided", _pairs(4, 6, 5), {"document_keys": _document_keys}, "strided"),
        Case(
            "reversed",
            _pairs(4, 6, 7),
            {"query_keys": _query_keys, "document_keys": _document_keys},
            "reversed",
        ),
    ),
)
