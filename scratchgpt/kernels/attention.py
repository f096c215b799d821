"""Attention without storing its matrix of weights; see :mod:`scratchgpt.ops.attention`.

The idea is FlashAttention (Dao et al. 2022, arXiv:2205.14135): one strip of queries at a time is
multiplied with all of its keys inside the cache of one core. One number is saved per query, the
log-sum-exp of its scores, from which the backward pass recomputes the weights. Heads are
distributed over the threads; each head is summed by one thread in a fixed order.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.compiler.threads import n_threads
from scratchgpt.kernels.parts.attention_heads import (
    Attention,
    Gradients,
    Place,
    Sizes,
    backward_head,
    forward_head,
)
from scratchgpt.kernels.parts.attention_scores import STRIP, Dropped
from scratchgpt.kernels.parts.scratch import BLOCK_BYTES, TILE_BYTES
from scratchgpt.memory import empty, scope


@kernel
def _forward(share, scratch, attention):
    n_head, n_shares = attention.sizes.n_head, scratch.shape[0]
    n_heads = attention.padding.shape[0] * n_head
    for i in range(n_heads * share // n_shares, n_heads * (share + 1) // n_shares):
        forward_head(i // n_head, i % n_head, attention, scratch[share])


@kernel
def _backward(share, scratch, attention, gradients):
    n_head, n_shares = attention.sizes.n_head, scratch.shape[0]
    n_heads = attention.padding.shape[0] * n_head
    for i in range(n_heads * share // n_shares, n_heads * (share + 1) // n_shares):
        backward_head(i // n_head, i % n_head, attention, gradients, scratch[share])


def attention_forward(saved: Any) -> None:
    """Write attention to ``saved.y``, and the log-sum-exp of each query to ``saved.log_total``.

    Parameters
    ----------
    saved : FlashAttentionSaved
        Its arrays are all float32, or all float64. They may have any layout, except that the last
        axis of y must be contiguous and log_total C-contiguous. A query without visible keys gets
        the log_total 0.
    """
    q, k, v = (_side_by_side(x) for x in (saved.q, saved.k, saved.v))
    n_keys, d, e = _whole_tiles(k.shape[2], q.shape[3], v.shape[3], q.itemsize)
    n_elements = n_keys * (d + e) + STRIP * (n_keys + d + e)
    with scope():
        scratch = _scratch(len(q) * q.shape[1], n_elements, like=q)
        _forward(len(scratch), scratch, _describe(q, k, v, saved))


def attention_backward(dy: Array, saved: Any, dq: Array, dk: Array, dv: Array) -> None:
    """Write the gradients with respect to q, k and v to dq, dk and dv, in layouts like y's."""
    dy, q, k, v = (_side_by_side(x) for x in (dy, saved.q, saved.k, saved.v))
    n_keys, d, e = _whole_tiles(k.shape[2], q.shape[3], v.shape[3], q.itemsize)
    n_elements = 2 * n_keys * (d + e) + STRIP * (2 * n_keys + 3 * d + 2 * e)
    gradients = Gradients(_place(dy), _place(dq), _place(dk), _place(dv))
    with scope():
        scratch = _scratch(len(q) * q.shape[1], n_elements, like=q)
        _backward(len(scratch), scratch, _describe(q, k, v, saved), gradients)


def _side_by_side(x: Array) -> Array:
    return x if x.strides[-1] == x.itemsize else np.ascontiguousarray(x)


def _describe(q: Array, k: Array, v: Array, saved: Any) -> Attention:
    """Describe an attention for the kernels, with q, k and v as addresses and strides."""
    return Attention(
        q=_place(q),
        k=_place(k),
        v=_place(v),
        y=_place(saved.y),
        log_total=saved.log_total.reshape(-1),
        padding=_padding(saved.key_padding_mask, len(q)),
        sizes=Sizes(q.shape[1], q.shape[2], k.shape[2], q.shape[3], v.shape[3]),
        causal=saved.causal,
        scale=q.dtype.type(saved.scale),
        dropped=_dropped(saved.dropout_p, saved.dropout_seed, q.dtype.type),
    )


def _whole_tiles(n_keys: int, d: int, e: int, itemsize: int) -> Iterator[int]:
    """Return S, D and E rounded up to whole tiles."""
    whole = TILE_BYTES // itemsize
    return (-(-n // whole) * whole for n in (n_keys, d, e))


def _place(x: Array) -> Place:
    """Return address and strides of an array (B, H, T, D)."""
    return Place(x.ctypes.data, *x.strides[:3])


def _scratch(n_heads: int, n_elements: int, like: Array) -> Array:
    """Allocate per thread: matrices, a square block to transpose, and three rows."""
    n_bytes = (n_elements + 3 * STRIP) * like.itemsize + BLOCK_BYTES
    # An odd number of cache lines, so that threads do not use the same cache sets.
    n_bytes = (n_bytes // 128 + 1) * 128 + 64
    return empty((min(n_threads(), n_heads), n_bytes // like.itemsize), like=like)


def _padding(mask: Array | None, n_batch: int) -> Array:
    """Return the mask as bytes; rows without elements if there is no mask."""
    return np.zeros((n_batch, 0), bool) if mask is None else np.ascontiguousarray(mask)


def _dropped(p: float, seed: int, number: Any) -> Dropped:
    kept = number(1 / (1 - p)) if p < 1 else number(0)
    return Dropped(np.uint64(round(p * 2**32)), np.uint64(seed & 0xFFFFFFFFFFFFFFFF), kept)
