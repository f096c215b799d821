"""The masks of attention, and the checks of its inputs."""

import math
from typing import Any

import numpy as np

from scratchgpt.arguments import check_real, check_whole
from scratchgpt.backend import Array, array_module
from scratchgpt.ops.broadcast import broadcasts


def add_masks(
    scores: Array,
    mask: Array | None,
    key_padding_mask: Array | None,
    causal: bool,
    window: int | None,
) -> None:
    """Write -inf to masked scores (..., T, S), and add a floating-point mask."""
    n_queries, n_keys = scores.shape[-2:]
    if mask is not None and mask.dtype == bool:
        np.copyto(scores, -np.inf, where=~mask)
    elif mask is not None:
        scores += mask
    if key_padding_mask is not None:
        one_axis_each = (1,) * (scores.ndim - 2)
        padding = key_padding_mask.reshape(scores.shape[0], *one_axis_each, n_keys)
        np.copyto(scores, -np.inf, where=padding)
    if causal:
        xp = array_module(scores)
        np.copyto(scores, -np.inf, where=~xp.tri(n_queries, n_keys, dtype=bool))
        if window is not None:
            np.copyto(scores, -np.inf, where=xp.tri(n_queries, n_keys, -window, dtype=bool))


def check_shapes(q: Array, k: Array, v: Array) -> None:
    """Check the shapes; k and v may have fewer heads than q."""
    fit = min(q.ndim, k.ndim, v.ndim) >= 2 and k.shape[:-1] == v.shape[:-1]
    if not fit or not _same_but_for_heads(q.shape[:-2], k.shape[:-2]):
        raise ValueError(f"attention: q {q.shape}, k {k.shape} and v {v.shape} do not fit together")
    n_head, n_kv_head = (x.shape[-3] if x.ndim > 2 else 1 for x in (q, k))
    if n_head != n_kv_head and (n_kv_head == 0 or n_head % n_kv_head):
        raise ValueError(
            f"attention: q {q.shape} has {n_head} heads and k {k.shape} has {n_kv_head}; "
            "the heads of k must divide those of q"
        )
    if q.shape[-1] != k.shape[-1]:
        raise ValueError(f"attention: q has {q.shape[-1]} channels but k has {k.shape[-1]}")
    if q.shape[-1] == 0:
        raise ValueError(f"attention: q is {q.shape} and has no channels")


def _same_but_for_heads(queries: tuple[int, ...], keys: tuple[int, ...]) -> bool:
    return len(queries) == len(keys) and queries[:-1] == keys[:-1]


def check_window(window: int | None, causal: bool) -> int | None:
    """Return the window as an integer, if there is one."""
    if window is None:
        return None
    window = check_whole("attention: window", window)
    if window < 1:
        raise ValueError(f"attention: window={window} must be at least 1")
    if not causal:
        raise ValueError(f"attention: window={window} needs causal=True")
    return window


def check_soft_cap(soft_cap: float | None) -> float | None:
    """Return the soft cap as a float, if there is one."""
    if soft_cap is None:
        return None
    soft_cap = check_real("attention: soft_cap", soft_cap)
    if not 0 < soft_cap < math.inf:
        raise ValueError(f"attention: soft_cap={soft_cap} must be greater than 0 and finite")
    return soft_cap


def check_masks(
    mask: Array | None, key_padding_mask: Array | None, shape: tuple[int, ...], dtype: Any
) -> None:
    """Check both masks of scores (..., T, S)."""
    for name, x in (("mask", mask), ("key_padding_mask", key_padding_mask)):
        if x is not None and not hasattr(x, "dtype"):
            raise TypeError(f"attention: {name} is a {type(x).__name__}; pass an array")
    if mask is not None:
        if mask.dtype != bool and mask.dtype.kind != "f":
            raise TypeError(f"attention: mask is {mask.dtype}; use bool or {dtype}")
        if not broadcasts(mask.shape, shape):
            raise ValueError(
                f"attention: mask is {mask.shape}; it must broadcast to (..., queries, keys), "
                f"{shape}"
            )
    if key_padding_mask is not None:
        if key_padding_mask.dtype != bool:
            raise TypeError(
                f"attention: key_padding_mask is {key_padding_mask.dtype}; use bool, True for "
                "padding"
            )
        if len(shape) < 3 or key_padding_mask.shape != (shape[0], shape[-1]):
            raise ValueError(
                f"attention: key_padding_mask is {key_padding_mask.shape}; with scores {shape} it "
                "must be (batch, keys)"
            )
