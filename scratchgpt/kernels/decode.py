"""One token of each text through a whole GPT, in one compiled call.

Generation reads every weight once a token, so memory decides its speed: a product of a matrix and
a vector is a sweep over the matrix in the order in which it lies there. The weights are slices of
flat arrays, in float32, or in int8 with a scale for each output.
"""

from typing import Any

import numpy as np
from numba import prange

from scratchgpt.kernels.attention_rows import dot
from scratchgpt.kernels.fast_math import ONE, ZERO, F, exp
from scratchgpt.kernels.gelu import exact_gelu, tanh_gelu
from scratchgpt.kernels.jit import kernel, part

PIECES = 8  # of a matrix, for the threads to share
PIECE = 32_768  # elements that are worth a thread's while
HEAD_PIECES = 64
LOWEST = F(np.finfo(np.float32).min)
PRE, POST = 0, 1
# What becomes of a product.
STORE, ADD, GELU_TANH, GELU, RELU = range(5)
# Columns of the table of offsets: where the parameters of a block begin, -1 where there is none.
LN_1_WEIGHT, LN_1_BIAS, ATTN_WEIGHT, ATTN_BIAS, ATTN_PROJ_WEIGHT, ATTN_PROJ_BIAS = range(6)
LN_2_WEIGHT, LN_2_BIAS, FC_WEIGHT, FC_BIAS, FC_PROJ_WEIGHT, FC_PROJ_BIAS = range(6, 12)


@part
def _add_eight(x, rows, out):
    """out += x (8,) times rows (8, n): for several texts the weights come from the cache, and
    what counts is how often the sums are read and written."""
    w0, w1, w2, w3, w4, w5, w6, w7 = (
        *(rows[0], rows[1], rows[2], rows[3]),
        *(rows[4], rows[5], rows[6], rows[7]),
    )
    x0, x1, x2, x3, x4, x5, x6, x7 = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
    for j in range(out.size):
        low = x0 * F(w0[j]) + x1 * F(w1[j]) + x2 * F(w2[j]) + x3 * F(w3[j])
        high = x4 * F(w4[j]) + x5 * F(w5[j]) + x6 * F(w6[j]) + x7 * F(w7[j])
        out[j] += low + high


@part
def _sweep(x, weights, start, stop, sums):
    """sums (B, n_out) = x (B, start:stop) times those rows of weights (n_in, n_out)."""
    for b in range(x.shape[0]):
        out = sums[b, : weights.shape[1]]
        for j in range(out.size):
            out[j] = ZERO
    first_alone = start
    if x.shape[0] > 1:
        first_alone = stop - (stop - start) % 8
        for i in range(start, first_alone, 8):
            for b in range(x.shape[0]):
                _add_eight(x[b, i : i + 8], weights[i : i + 8], sums[b, : weights.shape[1]])
    for i in range(first_alone, stop):
        # One row at a time: memory gives a single stream faster than several side by side.
        row = weights[i]
        for b in range(x.shape[0]):
            out, factor = sums[b, : row.size], x[b, i]
            for j in range(row.size):
                out[j] += factor * F(row[j])


@part
def _finish(sums, b, scale, bias, y, mode):
    """Add up the pieces of row b; then scale, bias and activation, or the residual stream."""
    n = y.size
    total = sums[0, b, :n]
    for piece in range(1, sums.shape[0]):
        more = sums[piece, b, :n]
        for j in range(n):
            total[j] += more[j]
    if scale.size:
        for j in range(n):
            total[j] *= scale[j]
    if bias.size:
        for j in range(n):
            total[j] += bias[j]
    if mode == STORE:
        for j in range(n):
            y[j] = total[j]
    elif mode == ADD:
        for j in range(n):
            y[j] += total[j]
    elif mode == GELU_TANH:
        for j in range(n):
            y[j] = tanh_gelu(total[j])
    elif mode == GELU:
        for j in range(n):
            y[j] = exact_gelu(total[j])
    else:
        for j in range(n):
            y[j] = ZERO if total[j] <= ZERO else total[j]


@kernel
def _linear_in_pieces(x, weights, scale, bias, sums, y, mode):
    n_in, n_pieces = weights.shape[0], sums.shape[0]
    for piece in prange(n_pieces):
        start, stop = n_in * piece // n_pieces, n_in * (piece + 1) // n_pieces
        _sweep(x, weights, start, stop, sums[piece])
    if x.shape[0] > 1:
        for b in prange(x.shape[0]):
            _finish(sums, b, scale, bias, y[b], mode)
    else:
        _finish(sums, 0, scale, bias, y[0], mode)


@part
def _linear(x, weights, scale, bias, sums, y, mode):
    """y = mode(x W scale + bias); the pieces depend on the size of W alone."""
    n_pieces = min(sums.shape[0], weights.size // PIECE)
    if n_pieces > 1:
        _linear_in_pieces(x, weights, scale, bias, sums[:n_pieces], y, mode)
    else:
        _sweep(x, weights, 0, weights.shape[0], sums[0])
        for b in range(x.shape[0]):
            _finish(sums[:1], b, scale, bias, y[b], mode)


@part
def _dot(row, x):
    total = ZERO
    for j in range(x.size):
        total += F(row[j]) * x[j]
    return total


@kernel
def _head(x, table, scale, logits):
    """logits (B, V) = x (B, C) times the rows of the table (V, C)."""
    n_vocab = table.shape[0]
    for piece in prange(HEAD_PIECES):
        for v in range(n_vocab * piece // HEAD_PIECES, n_vocab * (piece + 1) // HEAD_PIECES):
            factor = scale[v] if scale.size else ONE
            for b in range(x.shape[0]):
                logits[b, v] = _dot(table[v], x[b]) * factor


@part
def _normalise(x, weight, bias, eps, y):
    """Layer norm of each row; y may be x."""
    n = x.shape[1]
    for b in range(x.shape[0]):
        row, out = x[b], y[b]
        total = ZERO
        for j in range(n):
            total += row[j]
        mean = total / F(n)
        squares = ZERO
        for j in range(n):
            squares += (row[j] - mean) * (row[j] - mean)
        inverse = ONE / np.sqrt(squares / F(n) + eps)
        for j in range(n):
            out[j] = (row[j] - mean) * inverse * weight[j]
        if bias.size:
            for j in range(n):
                out[j] += bias[j]


@part
def _attend(q, k, v, keys, values, position, scores, out, scale):
    """One head of one text: store k and v (D,), and average the values so far."""
    here, value_here = keys[position], values[position]
    for j in range(q.size):
        here[j] = k[j]
        value_here[j] = v[j]
    highest = LOWEST
    for i in range(position + 1):
        score = dot(keys[i], q) * scale
        scores[i] = score
        highest = max(highest, score)
    total = ZERO
    for i in range(position + 1):
        scores[i] = exp(scores[i] - highest)
    for i in range(position + 1):
        total += scores[i]
    for j in range(out.size):
        out[j] = ZERO
    for i in range(position + 1):
        weight, row = scores[i] / total, values[i]
        for j in range(out.size):
            out[j] += weight * row[j]


@kernel
def _attention(qkv, keys, values, positions, scores, merged, scale):
    """keys and values (B, H, block, D), qkv (B, 3C), merged (B, C)."""
    n_batch, n_head, _, d = keys.shape
    c = n_head * d
    for i in prange(n_batch * n_head):
        b, h = i // n_head, i % n_head
        row = qkv[b]
        _attend(
            row[h * d : (h + 1) * d],
            row[c + h * d : c + (h + 1) * d],
            row[2 * c + h * d : 2 * c + (h + 1) * d],
            keys[b, h],
            values[b, h],
            positions[b],
            scores[i],
            merged[b, h * d : (h + 1) * d],
            scale,
        )


@part
def _vector(flat, offset, n):
    """The parameter that begins at ``offset``; without elements where there is none."""
    return flat[offset : offset + n] if offset >= 0 else flat[:0]


@part
def _scale(scales, offset, n):
    return scales[offset : offset + n] if scales.size else scales


@part
def _token(
    tokens, positions, floats, weights, scales, offsets, scale_offsets, ends, end_scales,
    keys, values, x, n, qkv, merged, inner, sums, scores, logits,
    eps, activation, position,
):  # fmt: skip
    n_layer, n_batch, n_head, _, d = keys.shape
    c, f, n_vocab = n_head * d, inner.shape[1], logits.shape[1]
    wte, wpe, ln_weight, ln_bias, head = ends[0], ends[1], ends[2], ends[3], ends[4]
    wte_scale, wpe_scale, head_scale = end_scales[0], end_scales[1], end_scales[2]
    for b in range(n_batch):
        token, at, row = tokens[b], positions[b], x[b]
        first = weights[wte + token * c : wte + (token + 1) * c]
        second = weights[wpe + at * c : wpe + (at + 1) * c]
        s1 = scales[wte_scale + token] if scales.size else ONE
        s2 = scales[wpe_scale + at] if scales.size else ONE
        for j in range(c):
            row[j] = F(first[j]) * s1 + F(second[j]) * s2
    scale = ONE / np.sqrt(F(d))
    for layer in range(n_layer):
        o, s = offsets[layer], scale_offsets[layer]
        source = x
        ln_1, ln_1_bias = _vector(floats, o[LN_1_WEIGHT], c), _vector(floats, o[LN_1_BIAS], c)
        ln_2, ln_2_bias = _vector(floats, o[LN_2_WEIGHT], c), _vector(floats, o[LN_2_BIAS], c)
        if position == PRE:
            _normalise(x, ln_1, ln_1_bias, eps, n)
            source = n
        at = o[ATTN_WEIGHT]
        _linear(
            source,
            weights[at : at + c * 3 * c].reshape(c, 3 * c),
            _scale(scales, s[0], 3 * c),
            _vector(floats, o[ATTN_BIAS], 3 * c),
            *(sums, qkv, STORE),
        )
        _attention(qkv, keys[layer], values[layer], positions, scores, merged, scale)
        at = o[ATTN_PROJ_WEIGHT]
        _linear(
            merged,
            weights[at : at + c * c].reshape(c, c),
            _scale(scales, s[1], c),
            _vector(floats, o[ATTN_PROJ_BIAS], c),
            *(sums, x, ADD),
        )
        if position == PRE:
            _normalise(x, ln_2, ln_2_bias, eps, n)
        else:
            _normalise(x, ln_1, ln_1_bias, eps, x)
        at = o[FC_WEIGHT]
        _linear(
            source,
            weights[at : at + c * f].reshape(c, f),
            _scale(scales, s[2], f),
            _vector(floats, o[FC_BIAS], f),
            *(sums, inner, activation),
        )
        at = o[FC_PROJ_WEIGHT]
        _linear(
            inner,
            weights[at : at + f * c].reshape(f, c),
            _scale(scales, s[3], c),
            _vector(floats, o[FC_PROJ_BIAS], c),
            *(sums, x, ADD),
        )
        if position == POST:
            _normalise(x, ln_2, ln_2_bias, eps, x)
    if position == PRE:
        _normalise(x, _vector(floats, ln_weight, c), _vector(floats, ln_bias, c), eps, x)
    table = weights[head : head + n_vocab * c].reshape(n_vocab, c)
    _head(x, table, _scale(scales, head_scale, n_vocab), logits)


def decode_token(*arguments: Any) -> None:
    """Run :func:`_token` on all threads; :mod:`scratchgpt.generation.token_step` calls it."""
    _token(*arguments)
