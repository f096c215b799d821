"""Cases of scaled dot-product attention, with all combinations of masks."""

from itertools import product
from typing import Any

import numpy as np

from scratchgpt.ops import attention_backward, attention_forward
from scratchgpt.verify.examples.case import Case, Draw, Example

_draw = Draw("attention")


def _inputs(
    leading: tuple[int, ...], n_queries: int, n_keys: int, d: int, e: int
) -> dict[str, Any]:
    return {
        "q": _draw.normal(*leading, n_queries, d),
        "k": _draw.normal(*leading, n_keys, d),
        "v": _draw.normal(*leading, n_keys, e),
    }


def _grouped(
    n_head: int, n_kv_head: int, n_queries: int, n_keys: int, leading: tuple[int, ...] = (2,)
) -> dict[str, Any]:
    """Sample inputs with D=6 and E=7, and fewer heads of keys and values."""
    return {
        "q": _draw.normal(*leading, n_head, n_queries, 6),
        "k": _draw.normal(*leading, n_kv_head, n_keys, 6),
        "v": _draw.normal(*leading, n_kv_head, n_keys, 7),
    }


def _additive(*shape: int) -> Any:
    """Sample biases to add to the scores, some of them -inf."""
    return np.where(_draw.booleans(*shape, p=0.25), -np.inf, _draw.normal(*shape))


_boolean = _draw.booleans(4, 5, p=0.6)
_boolean[:, 1] = True
_boolean[2] = False  # a query that may not attend to any key
_added = _additive(2, 1, 4, 5)
_added[1, 0, 3] = -np.inf
_padding = np.array([[False, False, True, False, True], [True, False, False, False, False]])
_masks = {"no": None, "boolean": _boolean, "additive": _added}


def _combinations() -> list[Case]:
    """Combine all masks in cross-attention, with B=2, H=3, T=4, S=5, D=6, E=7."""
    cases = []
    for (name, mask), padding, causal in product(_masks.items(), (None, _padding), (False, True)):
        settings: dict[str, Any] = {"mask": mask, "key_padding_mask": padding, "causal": causal}
        also = ", key padding" * (padding is not None) + ", causal" * causal
        cases.append(Case(f"{name} mask{also}", _inputs((2, 3), 4, 5, 6, 7), settings))
    return cases


_all_padding = np.array([[False, True, False, False], [True, True, True, True]])
_dropout = {"dropout_p": 0.4, "dropout_seed": 17}
_all_masks = {"mask": _added, "key_padding_mask": _padding, "causal": True, **_dropout}

ATTENTION = Example(
    "attention",
    attention_forward,
    attention_backward,
    (
        *_combinations(),
        Case("self-attention", _inputs((2, 3), 5, 5, 4, 4), {"causal": True}),
        Case("dropout", _inputs((2, 3), 4, 5, 6, 7), _dropout),
        Case("dropout, causal", _inputs((2, 3), 5, 5, 4, 6), {"causal": True, **_dropout}),
        Case("dropout, all masks", _inputs((2, 3), 4, 5, 6, 7), _all_masks),
        Case("everything dropped", _inputs((1,), 3, 4, 2, 5), {"dropout_p": 1.0}),
        Case("another scale", _inputs((2,), 3, 4, 5, 6), {"scale": 0.7}),
        Case("no leading axis", _inputs((), 3, 4, 5, 2), {"mask": _draw.booleans(3, 4, p=0.7)}),
        Case("a mask for each head", _inputs((2, 3), 4, 5, 6, 7), {"mask": _additive(3, 4, 5)}),
        Case("one query", _inputs((2, 3), 1, 5, 4, 6), {"causal": False}),
        Case("one query, causal", _inputs((2, 3), 1, 5, 4, 6), {"causal": True}),
        Case("one key", _inputs((2, 3), 4, 1, 5, 6), {"causal": True}),
        Case("one of everything", _inputs((1, 1), 1, 1, 1, 1), {"causal": True}),
        Case("more queries than keys", _inputs((2, 1), 6, 4, 3, 5), {"causal": True}),
        Case(
            "a row of padding alone",
            _inputs((2, 3), 5, 4, 6, 7),
            {"key_padding_mask": _all_padding, "causal": True},
        ),
        Case("fortran order", _inputs((2, 3), 4, 5, 6, 7), {"causal": True}, "fortran"),
        Case("strided", _inputs((2, 3), 4, 5, 6, 7), {"mask": _boolean}, "strided"),
        Case("reversed", _inputs((2, 3), 4, 5, 6, 7), {"key_padding_mask": _padding}, "reversed"),
        Case("groups of 2 heads", _grouped(6, 3, 4, 5)),
        Case("groups of 3 heads, causal", _grouped(6, 2, 5, 4), {"causal": True}),
        Case("one key-value head, dropout", _grouped(4, 1, 5, 5), {"causal": True, **_dropout}),
        Case("groups, all masks, dropout", _grouped(6, 3, 4, 5), _all_masks),
        Case("groups without a batch", _grouped(4, 2, 3, 5, ())),
        Case("groups with two batch axes", _grouped(4, 2, 3, 5, (2, 3)), {"causal": True}),
        Case("groups, fortran order", _grouped(6, 3, 4, 5), {"causal": True}, "fortran"),
        Case("groups, strided", _grouped(6, 2, 4, 5), _dropout, "strided"),
        Case("window of 2", _inputs((2, 3), 5, 5, 4, 6), {"causal": True, "window": 2}),
        Case("window of 3", _inputs((2, 3), 8, 8, 5, 6), {"causal": True, "window": 3}),
        Case("window over all keys", _inputs((2, 3), 5, 5, 4, 6), {"causal": True, "window": 9}),
        Case("window before all keys", _inputs((2, 3), 9, 4, 5, 6), {"causal": True, "window": 2}),
        Case(
            "window, all masks, dropout", _inputs((2, 3), 4, 5, 6, 7), {**_all_masks, "window": 2}
        ),
        Case("soft cap", _inputs((2, 3), 4, 5, 6, 7), {"soft_cap": 1.5}),
        Case("soft cap, all masks, dropout", _grouped(6, 3, 4, 5), {**_all_masks, "soft_cap": 0.7}),
        Case(
            "groups, window, soft cap, reversed",
            _grouped(6, 2, 7, 7),
            {"causal": True, "window": 3, "soft_cap": 1.2, **_dropout},
            "reversed",
        ),
    ),
)
