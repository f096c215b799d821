"""Attention of one head, forward and backward; see :mod:`scratchgpt.kernels.attention`.

Products are made of whole tiles. What is a whole number of tiles is read and written where it
lies; the rest goes through scratch memory, where it is filled up with zeros. Addresses, strides and
widths are in bytes.
"""

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
    load,
    product,
    round_up,
    store,
    transpose,
)
from scratchgpt.kernels.parts.tile import half_tile

# A matrix is read where it lies if its rows are not spread over more memory than this.
SPREAD = 1 << 19


@part
def _visible(t, n_keys, causal):
    """How many keys query t sees, padding not looked at."""
    return min(n_keys, t + 1) if causal else n_keys


@part
def _at(place, b, h, row):
    """The address of a row of an array (B, H, T, D): its address and its strides."""
    return place[0] + b * place[1] + h * place[2] + row * place[3]


@part
def _wide(width):
    return round_up(width, TILE_BYTES)


@part
def _operand(at, row, n_rows, width, tall, wide, scratch):
    """Where a matrix (n_rows, width) can be read as (tall, wide): its address, and its stride."""
    if n_rows == tall and width == wide and n_rows * row <= SPREAD:
        return at, row
    load(at, row, n_rows, width, scratch, wide, tall, wide)
    return scratch, wide


@part
def _result(at, row, n_rows, width, tall, wide, scratch):
    """Where it can be written as (tall, wide); :func:`_settle` then brings it to its place."""
    if n_rows == tall and width == wide and n_rows * row <= SPREAD:
        return at, row
    return scratch, wide


@part
def _settle(result, result_row, n_rows, width, at, row):
    if result != at:
        store(result, result_row, n_rows, width, at, row)


@part
def _scores(like, a, a_row, b, c, end, n_sum, first):
    """C (end, STRIP) = A B, of a strip of queries in columns.

    No vector is written all of whose queries come before the key ``first`` + i, which is not seen
    by queries before query i.
    """
    strip = STRIP * like.itemsize
    for s in range(0, end, TILE_ROWS):
        skip = max(0, s - first) * like.itemsize // VECTOR_BYTES * VECTOR_BYTES
        at, to = a + s * a_row, c + s * strip
        if skip % TILE_BYTES:
            half_tile(
                *(like, at, a_row, like.itemsize, b + skip, strip, to + skip, strip, n_sum, 0, 0)
            )
            skip += VECTOR_BYTES
        product(
            *(like, at, a_row, like.itemsize, b + skip, strip, to + skip, strip),
            *(TILE_ROWS, strip - skip, n_sum, False),
        )


@part
def _until_seen(like, a, b, b_row, c, c_row, n_rows, width, n_sum, first):
    """C (n_rows, width) = A B, with A (n_rows, n_sum) the transpose of a strip of weights.

    From query i on, which is row i, no weight after the key ``first`` + i is other than 0.
    """
    strip = STRIP * like.itemsize
    for i in range(0, n_rows, TILE_ROWS):
        n = min(n_sum, first + i + TILE_ROWS)
        at, to = a + i * like.itemsize, c + i * c_row
        product(like, at, like.itemsize, strip, b, b_row, to, c_row, TILE_ROWS, width, n, False)


@part
def _since_seen(like, a, b, b_row, c, c_row, reached, n_rows, width, n_sum, first):
    """C (n_rows, width) += A B, with A (n_rows, n_sum) a strip of weights.

    Rows from ``reached`` on hold nothing yet. Key ``first`` + i, a row, has no weight other than 0
    before query i.
    """
    item, strip = like.itemsize, STRIP * like.itemsize
    for s in range(0, n_rows, TILE_ROWS):
        i = max(0, s - first)
        at, to = a + s * strip + i * item, c + s * c_row
        product(
            *(like, at, strip, item, b + i * b_row, b_row),
            *(to, c_row, TILE_ROWS, width, n_sum - i, s < reached),
        )


@inner
def forward_head(b, h, q, k, v, y, log_total, padding, sizes, causal, scale, dropped, scratch):
    """y, and the log-sum-exp of each query's scores, of head h of text b."""
    n_head, n_queries, n_keys, d, e = sizes
    item = scratch.itemsize
    width_d, width_e, strip = d * item, e * item, STRIP * item
    wide_d, wide_e, tall_keys = _wide(width_d), _wide(width_e), round_up(n_keys, TILE_ROWS)
    own_keys = scratch.ctypes.data
    own_values = own_keys + tall_keys * width_d
    own_out = own_values + n_keys * wide_e
    queries_t = own_out + STRIP * wide_e
    scores_at = queries_t + wide_d // item * strip
    block = scores_at + tall_keys * strip
    highest = vector(scratch, block + BLOCK_BYTES, STRIP)
    totals = vector(scratch, block + BLOCK_BYTES + strip, STRIP)
    sums = vector(scratch, block + BLOCK_BYTES + 2 * strip, STRIP)
    head = b * n_head + h

    k_at, v_at = _at(k, b, h, 0), _at(v, b, h, 0)
    keys, keys_row = _operand(k_at, k[3], n_keys, width_d, tall_keys, width_d, own_keys)
    values, values_row = _operand(v_at, v[3], n_keys, width_e, n_keys, wide_e, own_values)
    for first in range(0, n_queries, STRIP):
        n_rows = min(STRIP, n_queries - first)
        end = _visible(first + n_rows - 1, n_keys, causal)
        query = head * n_queries + first
        transpose(scratch, _at(q, b, h, first), q[3], n_rows, d, queries_t, strip, block)
        diagonal = first if causal else n_keys
        _scores(scratch, keys, keys_row, queries_t, scores_at, end, d, diagonal)
        scores = vector(scratch, scores_at, end * STRIP).reshape(end, STRIP)
        forbid(scores, first, causal, padding[b])
        exponentials(scores, scale, highest, totals, sums)
        if dropped.threshold:
            drop(scores, dropped, query * n_keys, n_keys)
        at, tall = _at(y, b, h, first), round_up(n_rows, TILE_ROWS)
        out, out_row = _result(at, y[3], n_rows, width_e, tall, wide_e, own_out)
        _until_seen(
            *(scratch, scores_at, values, values_row, out, out_row, tall, wide_e, end, diagonal)
        )
        for i in range(n_rows):
            total = totals[i]
            divide(vector(scratch, out + i * out_row, e), total)
            log_total[query + i] = highest[i] * scale + np.log(total) if total != 0 else total
        _settle(out, out_row, n_rows, width_e, at, y[3])


@inner
def backward_head(
    b, h, dy, q, k, v, y, log_total, dq, dk, dv, padding, sizes, causal, scale, dropped, scratch
):
    """dq, dk and dv of head h of text b."""
    n_head, n_queries, n_keys, d, e = sizes
    item = scratch.itemsize
    width_d, width_e, strip = d * item, e * item, STRIP * item
    wide_d, wide_e, tall_keys = _wide(width_d), _wide(width_e), round_up(n_keys, TILE_ROWS)
    own_keys = scratch.ctypes.data
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

    k_at, v_at, dk_at, dv_at = _at(k, b, h, 0), _at(v, b, h, 0), _at(dk, b, h, 0), _at(dv, b, h, 0)
    keys, keys_row = _operand(k_at, k[3], n_keys, width_d, tall_keys, wide_d, own_keys)
    values, values_row = _operand(v_at, v[3], n_keys, width_e, tall_keys, width_e, own_values)
    dkeys, dkeys_row = _result(dk_at, dk[3], n_keys, width_d, tall_keys, wide_d, own_dkeys)
    dvalues, dvalues_row = _result(dv_at, dv[3], n_keys, width_e, tall_keys, wide_e, own_dvalues)
    reached = 0  # rows of dkeys and dvalues that hold something
    for first in range(0, n_queries, STRIP):
        n_rows = min(STRIP, n_queries - first)
        end = _visible(first + n_rows - 1, n_keys, causal)
        query = head * n_queries + first
        q_at, dy_at, dq_at = _at(q, b, h, first), _at(dy, b, h, first), _at(dq, b, h, first)
        queries, queries_row = _operand(q_at, q[3], n_rows, width_d, n_rows, wide_d, own_queries)
        dout, dout_row = _operand(dy_at, dy[3], n_rows, width_e, n_rows, wide_e, own_dout)
        transpose(scratch, q_at, q[3], n_rows, d, queries_t, strip, block)
        transpose(scratch, dy_at, dy[3], n_rows, e, dout_t, strip, block)
        diagonal = first if causal else n_keys
        _scores(scratch, keys, keys_row, queries_t, weights_at, end, d, diagonal)
        _scores(scratch, values, values_row, dout_t, dscores_at, end, e, diagonal)
        weights = vector(scratch, weights_at, end * STRIP).reshape(end, STRIP)
        dscores = vector(scratch, dscores_at, end * STRIP).reshape(end, STRIP)
        forbid(weights, first, causal, padding[b])
        for i in range(n_rows):
            log_sums[i] = log_total[query + i]
            out = vector(scratch, _at(y, b, h, first + i), e)
            along[i] = dot(out, vector(scratch, dout + i * dout_row, e))
        if dropped.threshold:
            drop(dscores, dropped, query * n_keys, n_keys)
        weights_and_gradient(weights, dscores, scale, log_sums, along)
        if dropped.threshold:
            drop(weights, dropped, query * n_keys, n_keys)
        tall, tall_end = round_up(n_rows, TILE_ROWS), round_up(end, TILE_ROWS)
        # Keys behind the last that is seen, in the same tile as it: no query gives them anything.
        clear(weights_at + end * strip, (tall_end - end) * strip)
        clear(dscores_at + end * strip, (tall_end - end) * strip)
        dqueries, dqueries_row = _result(dq_at, dq[3], n_rows, width_d, tall, wide_d, own_dqueries)
        _until_seen(
            *(scratch, dscores_at, keys, keys_row, dqueries, dqueries_row),
            *(tall, wide_d, end, diagonal),
        )
        _settle(dqueries, dqueries_row, n_rows, width_d, dq_at, dq[3])
        _since_seen(
            *(scratch, dscores_at, queries, queries_row, dkeys, dkeys_row),
            *(reached, tall_end, wide_d, n_rows, diagonal),
        )
        _since_seen(
            *(scratch, weights_at, dout, dout_row, dvalues, dvalues_row),
            *(reached, tall_end, wide_e, n_rows, diagonal),
        )
        reached = tall_end
    for i in range(reached, n_keys):  # no query sees these
        clear(dkeys + i * dkeys_row, width_d)
        clear(dvalues + i * dvalues_row, width_e)
    _settle(dkeys, dkeys_row, n_keys, width_d, dk_at, dk[3])
    _settle(dvalues, dvalues_row, n_keys, width_e, dv_at, dv[3])
