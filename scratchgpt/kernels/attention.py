"""Attention without storing its matrix of weights; see :mod:`scratchgpt.ops.attention`.

The idea is FlashAttention (Dao et al. 2022, arXiv:2205.14135): one strip of queries at a time is
multiplied with all of its keys inside the cache of one core. One number is saved per query, the
log-sum-exp of its scores, from which the backward pass recomputes the weights.

Heads are distributed over the threads; each head is summed by one thread in a fixed order. The
gradients of keys and values are sums over the query heads of a group. If a group continues in the
share of another thread, that thread keeps its gradients apart, and they are added at the end. So
the order of the sum does not depend on the number of threads.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.cpu import TILE_ROWS
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.compiler.threads import n_threads
from scratchgpt.kernels.parts.attention_heads import (
    Attention,
    Gradients,
    Place,
    Sizes,
    backward_head,
    forward_head,
    rows_of,
)
from scratchgpt.kernels.parts.attention_scores import STRIP, Dropped
from scratchgpt.kernels.parts.scratch import BLOCK_BYTES, TILE_BYTES, Rows, add, round_up
from scratchgpt.memory import empty, scope

NO_WINDOW = 1 << 40  # more keys than any text has


@part
def _heads(share, n_shares, attention):
    """Return the first head of a share, and the first after it, counted over all texts."""
    n_heads = attention.padding.shape[0] * attention.sizes.n_head
    return n_heads * share // n_shares, n_heads * (share + 1) // n_shares


@part
def _rest_of(rest, share, member, attention):
    """Return Rows for dk and dv of a head whose group began in an earlier share."""
    sizes, item = attention.sizes, rest.itemsize
    at = np.int64(rest[share - 1, member - 1].ctypes.data)
    width_d, width_e = sizes.d * item, sizes.e * item
    return Rows(at, width_d), Rows(at + sizes.n_keys * width_d, width_e)


@kernel
def _forward(share, scratch, attention):
    n_head, group = attention.sizes.n_head, attention.sizes.group
    begin, end = _heads(share, scratch.shape[0], attention)
    for i in range(begin, end):
        fresh = i == begin or i % group == 0
        forward_head(i // n_head, i % n_head, fresh, attention, scratch[share])


@kernel
def _backward(share, scratch, rest, attention, gradients):
    n_head, group = attention.sizes.n_head, attention.sizes.group
    begin, end = _heads(share, scratch.shape[0], attention)
    for i in range(begin, end):
        b, h, member = i // n_head, i % n_head, i % group
        dk = rows_of(gradients.dk, b, h // group, 0)
        dv = rows_of(gradients.dv, b, h // group, 0)
        is_own = i - member >= begin
        if not is_own:
            dk, dv = _rest_of(rest, share, member, attention)
        fresh, is_first = i == begin or member == 0, member == 0 or not is_own
        backward_head(b, h, fresh, attention, gradients, dk, dv, is_first, scratch[share])


@kernel
def _add_rest(turn, rest, attention, gradients):
    """Add the gradients of the heads whose group began in an earlier share, in their order.

    Each turn adds some of the rows.
    """
    sizes, n_shares = attention.sizes, rest.shape[0] + 1
    row, next_row = sizes.n_keys * turn // n_shares, sizes.n_keys * (turn + 1) // n_shares
    for share in range(1, n_shares):
        begin, end = _heads(share, n_shares, attention)
        for i in range(begin, min(end, round_up(begin, sizes.group))):
            b, h = i // sizes.n_head, i % sizes.n_head // sizes.group
            dk, dv = _rest_of(rest, share, i % sizes.group, attention)
            dk = Rows(dk.at + row * dk.row, dk.row)
            dv = Rows(dv.at + row * dv.row, dv.row)
            add(rest, dk, next_row - row, sizes.d, rows_of(gradients.dk, b, h, row))
            add(rest, dv, next_row - row, sizes.e, rows_of(gradients.dv, b, h, row))


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
    attention = _describe(q, k, v, saved)
    n_elements = n_keys * (d + e) + STRIP * (attention.sizes.n_seen + d + e)
    with scope():
        scratch = _scratch(len(q) * q.shape[1], n_elements, like=q)
        _forward(len(scratch), scratch, attention)


def attention_backward(dy: Array, saved: Any, dq: Array, dk: Array, dv: Array) -> None:
    """Write the gradients with respect to q, k and v to dq, dk and dv, in layouts like y's."""
    dy, q, k, v = (_side_by_side(x) for x in (dy, saved.q, saved.k, saved.v))
    n_keys, d, e = _whole_tiles(k.shape[2], q.shape[3], v.shape[3], q.itemsize)
    attention = _describe(q, k, v, saved)
    n_elements = 2 * n_keys * (d + e) + STRIP * (2 * attention.sizes.n_seen + 3 * d + 2 * e)
    gradients = Gradients(_place(dy), _place(dq), _place(dk), _place(dv))
    with scope():
        scratch = _scratch(len(q) * q.shape[1], n_elements, like=q)
        n_others = attention.sizes.group - 1
        n_rest = k.shape[2] * (k.shape[3] + v.shape[3])
        rest = empty((len(scratch) - 1, n_others, n_rest), like=q)
        _backward(len(scratch), scratch, rest, attention, gradients)
        if rest.size:
            _add_rest(len(scratch), rest, attention, gradients)


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
        sizes=Sizes(
            n_head=q.shape[1],
            group=q.shape[1] // k.shape[1],
            n_queries=q.shape[2],
            n_keys=k.shape[2],
            n_seen=_strip_keys(k.shape[2], saved),
            d=q.shape[3],
            e=v.shape[3],
        ),
        causal=saved.causal,
        window=_window(saved),
        scale=q.dtype.type(saved.scale),
        soft_cap=q.dtype.type(saved.soft_cap or 0),
        dropped=_dropped(saved.dropout_p, saved.dropout_seed, q.dtype.type),
    )


def _whole_tiles(n_keys: int, d: int, e: int, itemsize: int) -> Iterator[int]:
    """Return S, D and E rounded up to whole tiles."""
    whole = TILE_BYTES // itemsize
    return (-(-n // whole) * whole for n in (n_keys, d, e))


def _window(saved: Any) -> int:
    return NO_WINDOW if saved.window is None else min(saved.window, NO_WINDOW)


def _strip_keys(n_keys: int, saved: Any) -> int:
    """Return the largest number of keys of a strip, in whole tiles."""
    n_seen = min(n_keys, _window(saved) + STRIP + TILE_ROWS)
    return -(-n_seen // TILE_ROWS) * TILE_ROWS


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
