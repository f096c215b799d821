"""Attention without its matrix of weights; see :mod:`scratchgpt.ops.attention`.

The idea is FlashAttention's (Dao et al. 2022, arXiv:2205.14135): a strip of queries at a time meets
all of its keys inside the cache of one core. Of each query one number is kept, the logarithm of
the sum of its exponentials, from which the backward pass computes the weights again. Heads are
shared out among the threads, and each is summed by one thread in one order.

Each head is first copied to scratch memory, its sizes rounded up so that every product is made of
whole tiles; what is added is zero, and so is what it contributes.
"""

import numpy as np
from numba import get_num_threads, prange

from scratchgpt.backend import Array
from scratchgpt.kernels.attention_rows import (
    Dropped,
    dot,
    forbid,
    keep,
    multiply,
    softmax,
    softmax_backward,
    weights_again,
)
from scratchgpt.kernels.dropout import U
from scratchgpt.kernels.fast_math import ZERO, F
from scratchgpt.kernels.jit import kernel, part
from scratchgpt.kernels.scratch import load, product, round_up, store, take, transpose
from scratchgpt.kernels.tile import COLUMNS, ITEM
from scratchgpt.memory import empty, scope

STRIP = 32  # queries at a time


@part
def _visible(t, n_keys, causal):
    """How many keys query t sees, padding not looked at."""
    return min(n_keys, t + 1) if causal else n_keys


@part
def _forward_head(b, h, q, k, v, y, log_total, padding, sizes, causal, scale, dropped, scratch):
    n_head, n_queries, n_keys, d, e = sizes
    dp, ep, sp = round_up(d, COLUMNS), round_up(e, COLUMNS), round_up(n_keys, COLUMNS)
    keys, used = take(scratch, 0, sp, dp)
    keys_t, used = take(scratch, used, dp, sp)
    values, used = take(scratch, used, sp, ep)
    queries, used = take(scratch, used, STRIP, dp)
    scores, used = take(scratch, used, STRIP, sp)
    out, used = take(scratch, used, STRIP, ep)
    factors = scratch[used : used + n_keys]
    head = b * n_head + h

    load(k[0] + (b * k[1] + h * k[2]) * ITEM, k[3], n_keys, d, keys)
    load(v[0] + (b * v[1] + h * v[2]) * ITEM, v[3], n_keys, e, values)
    transpose(keys, keys_t)
    for first in range(0, n_queries, STRIP):
        n_rows = min(STRIP, n_queries - first)
        end = _visible(first + n_rows - 1, n_keys, causal)
        n_columns = round_up(end, COLUMNS)
        load(q[0] + (b * q[1] + h * q[2] + first * q[3]) * ITEM, q[3], n_rows, d, queries)
        product(
            *(queries.ctypes.data, dp, 1, keys_t.ctypes.data, sp, scores.ctypes.data, sp),
            *(STRIP, n_columns, d, 0),
        )
        for i in range(n_rows):
            row = scores[i, :n_columns]
            forbid(row, _visible(first + i, n_keys, causal), padding[b])
            log_total[head * n_queries + first + i] = softmax(row, scale)
            if dropped.threshold:
                index = U((head * n_queries + first + i) * n_keys)
                keep(dropped, index, factors[:end])
                multiply(row[:end], factors[:end])
        product(
            *(scores.ctypes.data, sp, 1, values.ctypes.data, ep, out.ctypes.data, ep),
            *(STRIP, ep, end, 0),
        )
        store(out, y[0] + (b * y[1] + h * y[2] + first * y[3]) * ITEM, y[3], n_rows, e)


@kernel
def _forward(q, k, v, y, log_total, padding, sizes, n_batch, causal, scale, dropped, scratch):
    n_head = sizes[0]
    n_heads, n_shares = n_batch * n_head, scratch.shape[0]
    for share in prange(n_shares):
        for i in range(n_heads * share // n_shares, n_heads * (share + 1) // n_shares):
            _forward_head(
                *(i // n_head, i % n_head, q, k, v, y, log_total, padding),
                *(sizes, causal, scale, dropped, scratch[share]),
            )


@part
def _backward_head(
    b, h, dy, q, k, v, y, log_total, dq, dk, dv, padding, sizes, causal, scale, dropped, scratch
):
    n_head, n_queries, n_keys, d, e = sizes
    dp, ep, sp = round_up(d, COLUMNS), round_up(e, COLUMNS), round_up(n_keys, COLUMNS)
    keys, used = take(scratch, 0, sp, dp)
    keys_t, used = take(scratch, used, dp, sp)
    values, used = take(scratch, used, sp, ep)
    values_t, used = take(scratch, used, ep, sp)
    queries, used = take(scratch, used, STRIP, dp)
    dqueries, used = take(scratch, used, STRIP, dp)
    out, used = take(scratch, used, STRIP, ep)
    dout, used = take(scratch, used, STRIP, ep)
    weights, used = take(scratch, used, STRIP, sp)
    dscores, used = take(scratch, used, STRIP, sp)
    dkeys, used = take(scratch, used, sp, dp)
    factors = scratch[used : used + n_keys]
    head = b * n_head + h

    load(k[0] + (b * k[1] + h * k[2]) * ITEM, k[3], n_keys, d, keys)
    load(v[0] + (b * v[1] + h * v[2]) * ITEM, v[3], n_keys, e, values)
    transpose(keys, keys_t)
    transpose(values, values_t)
    dvalues = values  # only their transpose is needed from here on
    dkeys[:] = ZERO
    dvalues[:] = ZERO
    for first in range(0, n_queries, STRIP):
        n_rows = min(STRIP, n_queries - first)
        end = _visible(first + n_rows - 1, n_keys, causal)
        n_columns = round_up(end, COLUMNS)
        load(q[0] + (b * q[1] + h * q[2] + first * q[3]) * ITEM, q[3], n_rows, d, queries)
        load(y[0] + (b * y[1] + h * y[2] + first * y[3]) * ITEM, y[3], n_rows, e, out)
        load(dy[0] + (b * dy[1] + h * dy[2] + first * dy[3]) * ITEM, dy[3], n_rows, e, dout)
        product(
            *(queries.ctypes.data, dp, 1, keys_t.ctypes.data, sp, weights.ctypes.data, sp),
            *(STRIP, n_columns, d, 0),
        )
        product(
            *(dout.ctypes.data, ep, 1, values_t.ctypes.data, sp, dscores.ctypes.data, sp),
            *(STRIP, n_columns, e, 0),
        )
        for i in range(STRIP):
            row, drow = weights[i, :n_columns], dscores[i, :n_columns]
            visible = _visible(first + i, n_keys, causal) if i < n_rows else 0
            forbid(row, visible, padding[b])
            log_sum = log_total[head * n_queries + first + i] if i < n_rows else ZERO
            weights_again(row, scale, log_sum)
            if dropped.threshold:
                index = U((head * n_queries + first + i) * n_keys)
                keep(dropped, index, factors[:end])
                multiply(drow[:end], factors[:end])
            softmax_backward(row, drow, dot(out[i], dout[i]), scale)
            if dropped.threshold:
                multiply(row[:end], factors[:end])
        product(
            *(dscores.ctypes.data, sp, 1, keys.ctypes.data, dp, dqueries.ctypes.data, dp),
            *(STRIP, dp, end, 0),
        )
        store(dqueries, dq[0] + (b * dq[1] + h * dq[2] + first * dq[3]) * ITEM, dq[3], n_rows, d)
        product(
            *(dscores.ctypes.data, 1, sp, queries.ctypes.data, dp, dkeys.ctypes.data, dp),
            *(n_columns, dp, n_rows, 1),
        )
        product(
            *(weights.ctypes.data, 1, sp, dout.ctypes.data, ep, dvalues.ctypes.data, ep),
            *(n_columns, ep, n_rows, 1),
        )
    store(dkeys, dk[0] + (b * dk[1] + h * dk[2]) * ITEM, dk[3], n_keys, d)
    store(dvalues, dv[0] + (b * dv[1] + h * dv[2]) * ITEM, dv[3], n_keys, e)


@kernel
def _backward(
    dy, q, k, v, y, log_total, dq, dk, dv, padding, sizes, n_batch, causal, scale, dropped, scratch
):
    n_head = sizes[0]
    n_heads, n_shares = n_batch * n_head, scratch.shape[0]
    for share in prange(n_shares):
        for i in range(n_heads * share // n_shares, n_heads * (share + 1) // n_shares):
            _backward_head(
                *(i // n_head, i % n_head, dy, q, k, v, y, log_total, dq, dk, dv, padding),
                *(sizes, causal, scale, dropped, scratch[share]),
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
    q, k, v, y : float32 array (B, H, T, D), (B, H, S, D), (B, H, S, E), (B, H, T, E)
        In any layout, as long as the elements of the last axis of y lie side by side.
    key_padding_mask : bool array (B, S), optional
    log_total : float32 array (B, H, T)
        C-contiguous. Where a query may look at nothing it is 0.
    """
    q, k, v = (_side_by_side(x) for x in (q, k, v))
    sizes = (q.shape[1], q.shape[2], k.shape[2], q.shape[3], v.shape[3])
    n_keys, d, e = (-(-n // COLUMNS) * COLUMNS for n in sizes[2:])
    needs = n_keys * (2 * d + e + STRIP + 1) + STRIP * (d + e)
    with scope():
        scratch = _scratch(len(q) * q.shape[1], needs, like=q)
        _forward(
            *(_place(x) for x in (q, k, v, y)),
            log_total.reshape(-1),
            _padding(key_padding_mask, len(q)),
            sizes,
            len(q),
            causal,
            F(scale),
            _dropped(dropout_p, dropout_seed),
            scratch,
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
    sizes = (q.shape[1], q.shape[2], k.shape[2], q.shape[3], v.shape[3])
    n_keys, d, e = (-(-n // COLUMNS) * COLUMNS for n in sizes[2:])
    needs = n_keys * (3 * d + 2 * e + 2 * STRIP + 1) + 2 * STRIP * (d + e)
    with scope():
        scratch = _scratch(len(q) * q.shape[1], needs, like=q)
        _backward(
            *(_place(x) for x in (dy, q, k, v, y)),
            log_total.reshape(-1),
            *(_place(x) for x in (dq, dk, dv)),
            _padding(key_padding_mask, len(q)),
            sizes,
            len(q),
            causal,
            F(scale),
            _dropped(dropout_p, dropout_seed),
            scratch,
        )


def _side_by_side(x: Array) -> Array:
    return x if x.strides[-1] == ITEM else np.ascontiguousarray(x)


def _place(x: Array) -> tuple[int, int, int, int]:
    """Address, and strides in elements, of an array (B, H, T, D)."""
    return (x.ctypes.data, x.strides[0] // ITEM, x.strides[1] // ITEM, x.strides[2] // ITEM)


def _scratch(n_heads: int, needs: int, like: Array) -> Array:
    # An odd number of cache lines, so that threads and rows do not meet in the same cache sets.
    return empty((min(get_num_threads(), n_heads), (needs // 32 + 1) * 32 + 16), like=like)


def _padding(mask: Array | None, n_batch: int) -> Array:
    """The mask as bytes; rows without elements where there is none."""
    return np.zeros((n_batch, 0), bool) if mask is None else np.ascontiguousarray(mask)


def _dropped(p: float, seed: int) -> Dropped:
    kept = F(1 / (1 - p)) if p < 1 else ZERO
    return Dropped(np.uint64(round(p * 2**32)), np.uint64(seed & 0xFFFFFFFFFFFFFFFF), kept)
