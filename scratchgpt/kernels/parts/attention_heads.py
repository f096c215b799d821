"""Attention of one head, forward and backward; see :mod:`scratchgpt.kernels.attention`.

Products are computed in whole tiles. A matrix whose size is a whole number of tiles is read and
written in place. Other matrices go through scratch memory, where they are padded with zeros.
Addresses, strides and widths are in bytes.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.kernels.compiler.addresses import clear, vector
from scratchgpt.kernels.compiler.cpu import TILE_ROWS
from scratchgpt.kernels.compiler.jit import inner, part
from scratchgpt.kernels.parts.attention_products import (
    strip_of,
    strip_scores,
    sum_over_keys,
    sum_over_queries,
)
from scratchgpt.kernels.parts.attention_scores import (
    STRIP,
    cap,
    cap_with_gradient,
    divide,
    dot,
    drop,
    exponentials,
    forbid,
    weights_and_gradient,
)
from scratchgpt.kernels.parts.scratch import (
    BLOCK_BYTES,
    TILE_BYTES,
    Rows,
    add,
    load,
    round_up,
    store,
    transpose,
)

# A matrix is read in place only if its rows span at most this many bytes.
SPREAD = 1 << 19


class Place(NamedTuple):
    """Address and strides of an array (B, H, T, D) whose last axis is contiguous."""

    at: Any  # the address of its first element
    text: Any  # bytes from text to text
    head: Any
    row: Any


class Sizes(NamedTuple):
    n_head: Any
    group: Any  # query heads for each key-value head
    n_queries: Any
    n_keys: Any
    n_seen: Any  # most keys of a strip, in whole tiles
    d: Any  # channels of a query or a key
    e: Any  # channels of a value


class Attention(NamedTuple):
    """The attention of all heads of all texts."""

    q: Any  # Place
    k: Any  # Place
    v: Any  # Place
    y: Any  # Place
    log_total: Any  # (B H T,) log-sum-exp of the scores of each query
    padding: Any  # (B, S), or (B, 0) without padding
    sizes: Any  # Sizes
    causal: Any
    window: Any
    scale: Any
    soft_cap: Any  # 0 without
    dropped: Any  # Dropped


class Gradients(NamedTuple):
    """The gradients that the backward pass reads and writes."""

    dy: Any  # Place
    dq: Any  # Place
    dk: Any  # Place
    dv: Any  # Place


@part
def rows_of(place, b, h, row):
    """Return the rows of head h of text b, from ``row`` on."""
    return Rows(place.at + b * place.text + h * place.head + row * place.row, place.row)


@part
def _wide(width):
    return round_up(width, TILE_BYTES)


@part
def _operand(rows, n_rows, width, tall, wide, scratch, fresh):
    """Return Rows readable as (tall, wide): the given rows (n_rows, width), or a padded copy.

    The copy is already in the scratch memory if the rows are not ``fresh``.
    """
    if n_rows == tall and width == wide and n_rows * rows.row <= SPREAD:
        return rows
    copied = Rows(scratch, wide)
    if fresh:
        load(rows, n_rows, width, copied, tall, wide)
    return copied


@part
def _result(rows, n_rows, width, tall, wide, scratch):
    """Return Rows that can be written as (tall, wide); :func:`_settle` then copies them back."""
    if n_rows == tall and width == wide and n_rows * rows.row <= SPREAD:
        return rows
    return Rows(scratch, wide)


@part
def _settle(result, n_rows, width, rows):
    if result.at != rows.at:
        store(result, n_rows, width, rows)


@inner
def forward_head(b, h, fresh, attention, scratch):
    """Compute y, and the log-sum-exp of each query's scores, for head h of text b.

    The scratch memory already has a copy of the keys and values if they are not ``fresh``.
    """
    n_head, group, n_queries, n_keys, tall_strip, d, e = attention.sizes
    causal, soft_cap, dropped = attention.causal, attention.soft_cap, attention.dropped
    item, one = scratch.itemsize, scratch.dtype.type(1)
    scale = one if soft_cap else attention.scale  # of the scores that the softmax sees
    width_d, width_e, row = d * item, e * item, STRIP * item
    wide_d, wide_e, tall_keys = _wide(width_d), _wide(width_e), round_up(n_keys, TILE_ROWS)
    own_keys = np.int64(scratch.ctypes.data)
    own_values = own_keys + tall_keys * width_d
    own_out = own_values + n_keys * wide_e
    queries_t = own_out + STRIP * wide_e
    scores_at = queries_t + wide_d // item * row
    block = scores_at + tall_strip * row
    highest = vector(scratch, block + BLOCK_BYTES, STRIP)
    totals = vector(scratch, block + BLOCK_BYTES + row, STRIP)
    sums = vector(scratch, block + BLOCK_BYTES + 2 * row, STRIP)
    head = b * n_head + h

    k, v = rows_of(attention.k, b, h // group, 0), rows_of(attention.v, b, h // group, 0)
    keys = _operand(k, n_keys, width_d, tall_keys, width_d, own_keys, fresh)
    values = _operand(v, n_keys, width_e, n_keys, wide_e, own_values, fresh)
    for first in range(0, n_queries, STRIP):
        strip = strip_of(first, n_queries, n_keys, causal, attention.window)
        n_rows, start = strip.n_rows, strip.start
        query = head * n_queries + first
        queries = rows_of(attention.q, b, h, first)
        transpose(scratch, queries, n_rows, d, Rows(queries_t, row), block)
        seen = Rows(keys.at + start * keys.row, keys.row)
        strip_scores(scratch, seen, queries_t, scores_at, strip, d)
        scores = vector(scratch, scores_at, strip.n_keys * STRIP).reshape(strip.n_keys, STRIP)
        if soft_cap:
            cap(scores, attention.scale, soft_cap)
        forbid(scores, strip, causal, attention.padding[b, start:])
        exponentials(scores, scale, highest, totals, sums)
        if dropped.threshold:
            drop(scores, dropped, query * n_keys + start, n_keys)
        y, tall = rows_of(attention.y, b, h, first), round_up(n_rows, TILE_ROWS)
        out = _result(y, n_rows, width_e, tall, wide_e, own_out)
        seen = Rows(values.at + start * values.row, values.row)
        sum_over_keys(scratch, scores_at, seen, out, strip, wide_e)
        for i in range(n_rows):
            total = totals[i]
            divide(vector(scratch, out.at + i * out.row, e), total)
            log_total = highest[i] * scale + np.log(total) if total != 0 else total
            attention.log_total[query + i] = log_total
        _settle(out, n_rows, width_e, y)


@inner
def backward_head(b, h, fresh, attention, gradients, dk, dv, is_first, scratch):
    """Compute dq for head h of text b, and write its dk and dv to Rows, or add them.

    The scratch memory already has a copy of the keys and values if they are not ``fresh``. The
    first head of a group writes; the others add to what is there.
    """
    n_head, group, n_queries, n_keys, tall_strip, d, e = attention.sizes
    causal, soft_cap, dropped = attention.causal, attention.soft_cap, attention.dropped
    item, one = scratch.itemsize, scratch.dtype.type(1)
    scale = one if soft_cap else attention.scale  # of the scores that the softmax sees
    width_d, width_e, row = d * item, e * item, STRIP * item
    wide_d, wide_e, tall_keys = _wide(width_d), _wide(width_e), round_up(n_keys, TILE_ROWS)
    own_keys = np.int64(scratch.ctypes.data)
    own_values = own_keys + tall_keys * wide_d
    own_dkeys = own_values + tall_keys * width_e
    own_dvalues = own_dkeys + tall_keys * wide_d
    own_queries = own_dvalues + tall_keys * wide_e
    own_dqueries = own_queries + STRIP * wide_d
    own_dout = own_dqueries + STRIP * wide_d
    queries_t = own_dout + STRIP * wide_e
    dout_t = queries_t + wide_d // item * row
    weights_at = dout_t + wide_e // item * row
    dscores_at = weights_at + tall_strip * row
    block = dscores_at + tall_strip * row
    log_sums = vector(scratch, block + BLOCK_BYTES, STRIP)
    along = vector(scratch, block + BLOCK_BYTES + row, STRIP)
    head = b * n_head + h

    k, v = rows_of(attention.k, b, h // group, 0), rows_of(attention.v, b, h // group, 0)
    keys = _operand(k, n_keys, width_d, tall_keys, wide_d, own_keys, fresh)
    values = _operand(v, n_keys, width_e, tall_keys, width_e, own_values, fresh)
    dkeys, dvalues = Rows(own_dkeys, wide_d), Rows(own_dvalues, wide_e)
    if is_first:
        dkeys = _result(dk, n_keys, width_d, tall_keys, wide_d, own_dkeys)
        dvalues = _result(dv, n_keys, width_e, tall_keys, wide_e, own_dvalues)
    reached = 0  # rows of dkeys and dvalues that are initialized
    for first in range(0, n_queries, STRIP):
        strip = strip_of(first, n_queries, n_keys, causal, attention.window)
        n_rows, start, n_seen = strip.n_rows, strip.start, strip.n_keys
        query = head * n_queries + first
        q, y = rows_of(attention.q, b, h, first), rows_of(attention.y, b, h, first)
        dy, dq = rows_of(gradients.dy, b, h, first), rows_of(gradients.dq, b, h, first)
        queries = _operand(q, n_rows, width_d, n_rows, wide_d, own_queries, True)
        dout = _operand(dy, n_rows, width_e, n_rows, wide_e, own_dout, True)
        transpose(scratch, q, n_rows, d, Rows(queries_t, row), block)
        transpose(scratch, dy, n_rows, e, Rows(dout_t, row), block)
        seen_keys = Rows(keys.at + start * keys.row, keys.row)
        seen_values = Rows(values.at + start * values.row, values.row)
        strip_scores(scratch, seen_keys, queries_t, weights_at, strip, d)
        strip_scores(scratch, seen_values, dout_t, dscores_at, strip, e)
        weights = vector(scratch, weights_at, n_seen * STRIP).reshape(n_seen, STRIP)
        dscores = vector(scratch, dscores_at, n_seen * STRIP).reshape(n_seen, STRIP)
        for i in range(n_rows):
            log_sums[i] = attention.log_total[query + i]
            out = vector(scratch, y.at + i * y.row, e)
            along[i] = dot(out, vector(scratch, dout.at + i * dout.row, e))
        if dropped.threshold:
            drop(dscores, dropped, query * n_keys + start, n_keys)
        if soft_cap:
            cap_with_gradient(weights, dscores, attention.scale, soft_cap, along)
            along[:] = 0
        forbid(weights, strip, causal, attention.padding[b, start:])
        weights_and_gradient(weights, dscores, scale, log_sums, along)
        if dropped.threshold:
            drop(weights, dropped, query * n_keys + start, n_keys)
        tall, tall_seen = round_up(n_rows, TILE_ROWS), round_up(n_seen, TILE_ROWS)
        # Keys after the last visible one, in the same tile: their gradients are 0.
        clear(weights_at + n_seen * row, (tall_seen - n_seen) * row)
        clear(dscores_at + n_seen * row, (tall_seen - n_seen) * row)
        dqueries = _result(dq, n_rows, width_d, tall, wide_d, own_dqueries)
        sum_over_keys(scratch, dscores_at, seen_keys, dqueries, strip, wide_d)
        _settle(dqueries, n_rows, width_d, dq)
        seen_keys = Rows(dkeys.at + start * dkeys.row, dkeys.row)
        seen_values = Rows(dvalues.at + start * dvalues.row, dvalues.row)
        old = reached - start
        sum_over_queries(scratch, dscores_at, queries, seen_keys, strip, old, wide_d)
        sum_over_queries(scratch, weights_at, dout, seen_values, strip, old, wide_e)
        reached = start + tall_seen
    for i in range(reached, n_keys):  # no query attends to these keys
        clear(dkeys.at + i * dkeys.row, width_d)
        clear(dvalues.at + i * dvalues.row, width_e)
    if is_first:
        _settle(dkeys, n_keys, width_d, dk)
        _settle(dvalues, n_keys, width_e, dv)
    else:
        add(scratch, dkeys, n_keys, d, dk)
        add(scratch, dvalues, n_keys, e, dv)
