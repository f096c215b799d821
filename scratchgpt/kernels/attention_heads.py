"""Attention of one head, forward and backward; see :mod:`scratchgpt.kernels.attention`.

Products are made of whole tiles. What is a whole number of tiles is read and written where it
lies; the rest goes through scratch memory, where it is filled up with zeros. Addresses, strides and
widths are in bytes.
"""

import numpy as np

from scratchgpt.kernels.addresses import clear, vector
from scratchgpt.kernels.attention_scores import (
    STRIP,
    divide,
    dot,
    drop,
    exponentials,
    forbid,
    weights_and_gradient,
)
from scratchgpt.kernels.cpu import TILE_ROWS
from scratchgpt.kernels.jit import inner, part
from scratchgpt.kernels.scratch import (
    BLOCK_BYTES,
    TILE_BYTES,
    load,
    product,
    round_up,
    store,
    transpose,
)

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
        product(
            *(scratch, keys, keys_row, item, queries_t, strip),
            *(scores_at, strip, end, strip, d, False),
        )
        scores = vector(scratch, scores_at, end * STRIP).reshape(end, STRIP)
        forbid(scores, first, causal, padding[b])
        exponentials(scores, scale, highest, totals, sums)
        if dropped.threshold:
            drop(scores, dropped, query * n_keys, n_keys)
        at, tall = _at(y, b, h, first), round_up(n_rows, TILE_ROWS)
        out, out_row = _result(at, y[3], n_rows, width_e, tall, wide_e, own_out)
        product(
            *(scratch, scores_at, item, strip, values, values_row),
            *(out, out_row, tall, wide_e, end, False),
        )
        for i in range(n_rows):
            total = totals[i]
            divide(vector(scratch, out + i * out_row, e), total)
            log_total[query + i] = highest[i] * scale + np.log(total) if total != 0 else total
        _settle(out, out_row, n_rows, width_e, at, y[3])


@part
def _add(like, a, a_row, b, b_row, c, c_row, reached, end, width, n_sum):
    """C (end, width) += A B, where the rows from ``reached`` on hold nothing yet."""
    product(like, a, a_row, like.itemsize, b, b_row, c, c_row, reached, width, n_sum, True)
    product(
        *(like, a + reached * a_row, a_row, like.itemsize, b, b_row),
        *(c + reached * c_row, c_row, end - reached, width, n_sum, False),
    )


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
        product(
            *(scratch, keys, keys_row, item, queries_t, strip),
            *(weights_at, strip, end, strip, d, False),
        )
        product(
            *(scratch, values, values_row, item, dout_t, strip),
            *(dscores_at, strip, end, strip, e, False),
        )
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
        product(
            *(scratch, dscores_at, item, strip, keys, keys_row),
            *(dqueries, dqueries_row, tall, wide_d, end, False),
        )
        _settle(dqueries, dqueries_row, n_rows, width_d, dq_at, dq[3])
        _add(
            *(scratch, dscores_at, strip, queries, queries_row),
            *(dkeys, dkeys_row, reached, tall_end, wide_d, n_rows),
        )
        _add(
            *(scratch, weights_at, strip, dout, dout_row),
            *(dvalues, dvalues_row, reached, tall_end, wide_e, n_rows),
        )
        reached = tall_end
    for i in range(reached, n_keys):  # no query sees these
        clear(dkeys + i * dkeys_row, width_d)
        clear(dvalues + i * dvalues_row, width_e)
    _settle(dkeys, dkeys_row, n_keys, width_d, dk_at, dk[3])
    _settle(dvalues, dvalues_row, n_keys, width_e, dv_at, dv[3])
