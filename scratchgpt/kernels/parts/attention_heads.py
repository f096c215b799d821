"""Attention of one head, forward and backward; see :mod:`scratchgpt.kernels.attention`.

Products are computed in whole tiles. A matrix whose size is a whole number of tiles is read and
written in place. Other matrices go through scratch memory, where they are padded with zeros.
Addresses, strides and widths are in bytes.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.kernels.compiler.addresses import clear, vector
from scratchgpt.kernels.compiler.cpu import TILE_ROWS, VECTOR_BYTES
from scratchgpt.kernels.compiler.jit import inner, part
from scratchgpt.kernels.parts.attention_scores import (
    STRIP,
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
    Matrix,
    Rows,
    load,
    product,
    round_up,
    store,
    transpose,
)
from scratchgpt.kernels.parts.tile import half_tile

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
    n_queries: Any
    n_keys: Any
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
    scale: Any
    dropped: Any  # Dropped


class Gradients(NamedTuple):
    """The gradients that the backward pass reads and writes."""

    dy: Any  # Place
    dq: Any  # Place
    dk: Any  # Place
    dv: Any  # Place


@part
def _visible(t, n_keys, causal):
    """Return the number of keys that query t attends to, without regard to padding."""
    return min(n_keys, t + 1) if causal else n_keys


@part
def _rows(place, b, h, row):
    """Return the rows of head h of text b, from ``row`` on."""
    return Rows(place.at + b * place.text + h * place.head + row * place.row, place.row)


@part
def _wide(width):
    return round_up(width, TILE_BYTES)


@part
def _operand(rows, n_rows, width, tall, wide, scratch):
    """Return Rows readable as (tall, wide): the given rows (n_rows, width), or a padded copy."""
    if n_rows == tall and width == wide and n_rows * rows.row <= SPREAD:
        return rows
    copied = Rows(scratch, wide)
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


@part
def _scores(like, a, b, c, end, n_sum, first):
    """Compute C (end, STRIP) = A B, with a strip of queries in columns.

    A is Rows, B and C are addresses. Queries before query i do not attend to the key ``first`` + i;
    a vector with only such queries is not written.
    """
    item, strip = like.itemsize, STRIP * like.itemsize
    for s in range(0, end, TILE_ROWS):
        skip = max(0, s - first) * item // VECTOR_BYTES * VECTOR_BYTES
        at, to = a.at + s * a.row, c + s * strip
        if skip % TILE_BYTES:
            half_tile(like, at, a.row, item, b + skip, strip, to + skip, strip, n_sum, 0, 0)
            skip += VECTOR_BYTES
        keys, queries = Matrix(at, a.row, item), Rows(b + skip, strip)
        product(like, keys, queries, Rows(to + skip, strip), TILE_ROWS, strip - skip, n_sum, False)


@part
def _until_seen(like, a, b, c, n_rows, width, n_sum, first):
    """Compute C (n_rows, width) = A B, with A (n_rows, n_sum) the transpose of a strip of weights.

    A is an address, B and C are Rows. The weights of row i, which is query i, are 0 after the key
    ``first`` + i.
    """
    item, strip = like.itemsize, STRIP * like.itemsize
    for i in range(0, n_rows, TILE_ROWS):
        n = min(n_sum, first + i + TILE_ROWS)
        weights, to = Matrix(a + i * item, item, strip), Rows(c.at + i * c.row, c.row)
        product(like, weights, b, to, TILE_ROWS, width, n, False)


@part
def _since_seen(like, a, b, c, reached, n_rows, width, n_sum, first):
    """Compute C (n_rows, width) += A B, with A (n_rows, n_sum) a strip of weights.

    A is an address, B and C are Rows. Rows of C from ``reached`` on are not initialized yet. The
    weights of key ``first`` + i, which is a row, are 0 before query i.
    """
    item, strip = like.itemsize, STRIP * like.itemsize
    for s in range(0, n_rows, TILE_ROWS):
        i = max(0, s - first)
        weights, others = Matrix(a + s * strip + i * item, strip, item), b.at + i * b.row
        to = Rows(c.at + s * c.row, c.row)
        product(like, weights, Rows(others, b.row), to, TILE_ROWS, width, n_sum - i, s < reached)


@inner
def forward_head(b, h, attention, scratch):
    """Compute y, and the log-sum-exp of each query's scores, for head h of text b."""
    n_head, n_queries, n_keys, d, e = attention.sizes
    causal, scale, dropped = attention.causal, attention.scale, attention.dropped
    item = scratch.itemsize
    width_d, width_e, strip = d * item, e * item, STRIP * item
    wide_d, wide_e, tall_keys = _wide(width_d), _wide(width_e), round_up(n_keys, TILE_ROWS)
    own_keys = np.int64(scratch.ctypes.data)
    own_values = own_keys + tall_keys * width_d
    own_out = own_values + n_keys * wide_e
    queries_t = own_out + STRIP * wide_e
    scores_at = queries_t + wide_d // item * strip
    block = scores_at + tall_keys * strip
    highest = vector(scratch, block + BLOCK_BYTES, STRIP)
    totals = vector(scratch, block + BLOCK_BYTES + strip, STRIP)
    sums = vector(scratch, block + BLOCK_BYTES + 2 * strip, STRIP)
    head = b * n_head + h

    all_keys, all_values = _rows(attention.k, b, h, 0), _rows(attention.v, b, h, 0)
    keys = _operand(all_keys, n_keys, width_d, tall_keys, width_d, own_keys)
    values = _operand(all_values, n_keys, width_e, n_keys, wide_e, own_values)
    for first in range(0, n_queries, STRIP):
        n_rows = min(STRIP, n_queries - first)
        end = _visible(first + n_rows - 1, n_keys, causal)
        query = head * n_queries + first
        queries = _rows(attention.q, b, h, first)
        transpose(scratch, queries, n_rows, d, Rows(queries_t, strip), block)
        diagonal = first if causal else n_keys
        _scores(scratch, keys, queries_t, scores_at, end, d, diagonal)
        scores = vector(scratch, scores_at, end * STRIP).reshape(end, STRIP)
        forbid(scores, first, causal, attention.padding[b])
        exponentials(scores, scale, highest, totals, sums)
        if dropped.threshold:
            drop(scores, dropped, query * n_keys, n_keys)
        y, tall = _rows(attention.y, b, h, first), round_up(n_rows, TILE_ROWS)
        out = _result(y, n_rows, width_e, tall, wide_e, own_out)
        _until_seen(scratch, scores_at, values, out, tall, wide_e, end, diagonal)
        for i in range(n_rows):
            total = totals[i]
            divide(vector(scratch, out.at + i * out.row, e), total)
            log_total = highest[i] * scale + np.log(total) if total != 0 else total
            attention.log_total[query + i] = log_total
        _settle(out, n_rows, width_e, y)


@inner
def backward_head(b, h, attention, gradients, scratch):
    """Compute dq, dk and dv for head h of text b."""
    n_head, n_queries, n_keys, d, e = attention.sizes
    causal, scale, dropped = attention.causal, attention.scale, attention.dropped
    item = scratch.itemsize
    width_d, width_e, strip = d * item, e * item, STRIP * item
    wide_d, wide_e, tall_keys = _wide(width_d), _wide(width_e), round_up(n_keys, TILE_ROWS)
    own_keys = np.int64(scratch.ctypes.data)
    own_values = own_keys + tall_keys * wide_d
    own_dkeys = own_values + tall_keys * width_e
    own_dvalues = own_dkeys + tall_keys * wide_d
    own_queries = own_dvalues + tall_keys * wide_e
    own_dqueries = own_queries + STRIP * wide_d
    own_dout = own_dqueries + STRIP * wide_d
    queries_t = own_dout + STRIP * wide_e
    dout_t = queries_t + wide_d // item * strip
    weights_at = dout_t + wide_e // item * strip
    dscores_at = weights_at + tall_keys * strip
    block = dscores_at + tall_keys * strip
    log_sums = vector(scratch, block + BLOCK_BYTES, STRIP)
    along = vector(scratch, block + BLOCK_BYTES + strip, STRIP)
    head = b * n_head + h

    k, v = _rows(attention.k, b, h, 0), _rows(attention.v, b, h, 0)
    dk, dv = _rows(gradients.dk, b, h, 0), _rows(gradients.dv, b, h, 0)
    keys = _operand(k, n_keys, width_d, tall_keys, wide_d, own_keys)
    values = _operand(v, n_keys, width_e, tall_keys, width_e, own_values)
    dkeys = _result(dk, n_keys, width_d, tall_keys, wide_d, own_dkeys)
    dvalues = _result(dv, n_keys, width_e, tall_keys, wide_e, own_dvalues)
    reached = 0  # rows of dkeys and dvalues that are initialized
    for first in range(0, n_queries, STRIP):
        n_rows = min(STRIP, n_queries - first)
        end = _visible(first + n_rows - 1, n_keys, causal)
        query = head * n_queries + first
        q, y = _rows(attention.q, b, h, first), _rows(attention.y, b, h, first)
        dy, dq = _rows(gradients.dy, b, h, first), _rows(gradients.dq, b, h, first)
        queries = _operand(q, n_rows, width_d, n_rows, wide_d, own_queries)
        dout = _operand(dy, n_rows, width_e, n_rows, wide_e, own_dout)
        transpose(scratch, q, n_rows, d, Rows(queries_t, strip), block)
        transpose(scratch, dy, n_rows, e, Rows(dout_t, strip), block)
        diagonal = first if causal else n_keys
        _scores(scratch, keys, queries_t, weights_at, end, d, diagonal)
        _scores(scratch, values, dout_t, dscores_at, end, e, diagonal)
        weights = vector(scratch, weights_at, end * STRIP).reshape(end, STRIP)
        dscores = vector(scratch, dscores_at, end * STRIP).reshape(end, STRIP)
        forbid(weights, first, causal, attention.padding[b])
        for i in range(n_rows):
            log_sums[i] = attention.log_total[query + i]
            out = vector(scratch, y.at + i * y.row, e)
            along[i] = dot(out, vector(scratch, dout.at + i * dout.row, e))
        if dropped.threshold:
            drop(dscores, dropped, query * n_keys, n_keys)
        weights_and_gradient(weights, dscores, scale, log_sums, along)
        if dropped.threshold:
            drop(weights, dropped, query * n_keys, n_keys)
        tall, tall_end = round_up(n_rows, TILE_ROWS), round_up(end, TILE_ROWS)
        # Keys after the last visible one, in the same tile: their gradients are 0.
        clear(weights_at + end * strip, (tall_end - end) * strip)
        clear(dscores_at + end * strip, (tall_end - end) * strip)
        dqueries = _result(dq, n_rows, width_d, tall, wide_d, own_dqueries)
        _until_seen(scratch, dscores_at, keys, dqueries, tall, wide_d, end, diagonal)
        _settle(dqueries, n_rows, width_d, dq)
        _since_seen(
            scratch, dscores_at, queries, dkeys, reached, tall_end, wide_d, n_rows, diagonal
        )
        _since_seen(scratch, weights_at, dout, dvalues, reached, tall_end, wide_e, n_rows, diagonal)
        reached = tall_end
    for i in range(reached, n_keys):  # no query attends to these keys
        clear(dkeys.at + i * dkeys.row, width_d)
        clear(dvalues.at + i * dvalues.row, width_e)
    _settle(dkeys, n_keys, width_d, dk)
    _settle(dvalues, n_keys, width_e, dv)
