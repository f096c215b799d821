"""Attention without its matrix of weights; see :mod:`scratchgpt.ops.attention`.

The idea is FlashAttention's (Dao et al. 2022, arXiv:2205.14135): a strip of queries at a time meets
all of its keys inside the cache of one core. Of each query one number is kept, the logarithm of
the sum of its exponentials, from which the backward pass computes the weights again. Heads are
shared out among the threads, and each is summed by one thread in one order.
"""

from typing import Any

import numpy as np
from numba import get_num_threads

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.attention_heads import backward_head, forward_head
from scratchgpt.kernels.parts.attention_scores import STRIP, Dropped
from scratchgpt.kernels.parts.scratch import BLOCK_BYTES, TILE_BYTES
from scratchgpt.memory import empty, scope


@kernel
def _forward(share, scratch, q, k, v, y, log_total, padding, sizes, causal, scale, dropped):
    n_head, n_shares, own = sizes[0], scratch.shape[0], scratch[share]
    n_heads = padding.shape[0] * n_head
    for i in range(n_heads * share // n_shares, n_heads * (share + 1) // n_shares):
        b, h = i // n_head, i % n_head
        forward_head(b, h, q, k, v, y, log_total, padding, sizes, causal, scale, dropped, own)


@kernel
def _backward(
    share, scratch, dy, q, k, v, y, log_total, dq, dk, dv, padding, sizes, causal, scale, dropped
):
    n_head, n_shares, own = sizes[0], scratch.shape[0], scratch[share]
    n_heads = padding.shape[0] * n_head
    for i in range(n_heads * share // n_shares, n_heads * (share + 1) // n_shares):
        b, h = i // n_head, i % n_head
        backward_head(
            b, h, dy, q, k, v, y, log_total, dq, dk, dv, padding, sizes, causal, scale, dropped, own
        )


def attention_forward(
    q: Array,
    k: Array,
    v: Array,
    key_padding_mask: Array | None,
    causal: bool,
    dropout_p: float,
    dropout_seed: int,
    scale: float,
    y: Array,
    log_total: Array,
) -> None:
    """Write attention to y, and of each query the log-sum-exp of its scores to log_total.

    Parameters
    ----------
    q, k, v, y : array (B, H, T, D), (B, H, S, D), (B, H, S, E), (B, H, T, E)
        All float32, or all float64. In any layout, as long as the elements of the last axis of y
        lie side by side.
    key_padding_mask : bool array (B, S), optional
    log_total : array (B, H, T)
        C-contiguous. Where a query may look at nothing it is 0.
    """
    q, k, v = (_side_by_side(x) for x in (q, k, v))
    sizes, (n_keys, d, e) = _sizes(q, k, v)
    n_elements = n_keys * (d + e) + STRIP * (n_keys + d + e)
    with scope():
        scratch = _scratch(len(q) * q.shape[1], n_elements, like=q)
        _forward(
            len(scratch),
            scratch,
            *(_place(x) for x in (q, k, v, y)),
            log_total.reshape(-1),
            _padding(key_padding_mask, len(q)),
            sizes,
            causal,
            q.dtype.type(scale),
            _dropped(dropout_p, dropout_seed, q.dtype.type),
        )


def attention_backward(
    dy: Array,
    q: Array,
    k: Array,
    v: Array,
    y: Array,
    log_total: Array,
    key_padding_mask: Array | None,
    causal: bool,
    dropout_p: float,
    dropout_seed: int,
    scale: float,
    dq: Array,
    dk: Array,
    dv: Array,
) -> None:
    """Write the gradients with respect to q, k and v to dq, dk and dv, in layouts like y's."""
    dy, q, k, v = (_side_by_side(x) for x in (dy, q, k, v))
    sizes, (n_keys, d, e) = _sizes(q, k, v)
    n_elements = 2 * n_keys * (d + e) + STRIP * (2 * n_keys + 3 * d + 2 * e)
    with scope():
        scratch = _scratch(len(q) * q.shape[1], n_elements, like=q)
        _backward(
            len(scratch),
            scratch,
            *(_place(x) for x in (dy, q, k, v, y)),
            log_total.reshape(-1),
            *(_place(x) for x in (dq, dk, dv)),
            _padding(key_padding_mask, len(q)),
            sizes,
            causal,
            q.dtype.type(scale),
            _dropped(dropout_p, dropout_seed, q.dtype.type),
        )


def _side_by_side(x: Array) -> Array:
    return x if x.strides[-1] == x.itemsize else np.ascontiguousarray(x)


def _sizes(q: Array, k: Array, v: Array) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """H, T, S, D and E; and S, D and E rounded up to whole tiles."""
    sizes = (q.shape[1], q.shape[2], k.shape[2], q.shape[3], v.shape[3])
    whole = TILE_BYTES // q.itemsize
    n_keys, d, e = (-(-n // whole) * whole for n in sizes[2:])
    return sizes, (n_keys, d, e)


def _place(x: Array) -> tuple[int, ...]:
    """Address, and strides, of an array (B, H, T, D)."""
    return (x.ctypes.data, *x.strides[:3])


def _scratch(n_heads: int, n_elements: int, like: Array) -> Array:
    """For each thread room for matrices, for a square that is transposed, and for three rows."""
    n_bytes = (n_elements + 3 * STRIP) * like.itemsize + BLOCK_BYTES
    # An odd number of cache lines, so that threads do not meet in the same cache sets.
    n_bytes = (n_bytes // 128 + 1) * 128 + 64
    return empty((min(get_num_threads(), n_heads), n_bytes // like.itemsize), like=like)


def _padding(mask: Array | None, n_batch: int) -> Array:
    """The mask as bytes; rows without elements where there is none."""
    return np.zeros((n_batch, 0), bool) if mask is None else np.ascontiguousarray(mask)


def _dropped(p: float, seed: int, number: Any) -> Dropped:
    kept = number(1 / (1 - p)) if p < 1 else number(0)
    return Dropped(np.uint64(round(p * 2**32)), np.uint64(seed & 0xFFFFFFFFFFFFFFFF), kept)
