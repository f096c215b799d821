"""One token of each text through a whole GPT, in one compiled call.

Generation reads every weight once a token, so memory decides its speed: a product of a matrix and
a vector is a sweep over the matrix in the order in which it lies there. The weights are slices of
flat arrays, in float32, or in int8 with a scale for each output.
"""

from typing import Any

import numpy as np
from numba import prange

from scratchgpt.kernels.attention_scores import dot
from scratchgpt.kernels.fast_math import ONE, ZERO, F, exp
from scratchgpt.kernels.jit import entry, kernel, part
from scratchgpt.kernels.products import ADD, STORE, head, linear

ATTENTION_ALONE = 30_000  # elements of q, k and v that one thread sees to alone
LOWEST = F(np.finfo(np.float32).min)
PRE, POST = 0, 1
# Columns of the table of offsets: where the parameters of a block begin, -1 where there is none.
LN_1_WEIGHT, LN_1_BIAS, ATTN_WEIGHT, ATTN_BIAS, ATTN_PROJ_WEIGHT, ATTN_PROJ_BIAS = range(6)
LN_2_WEIGHT, LN_2_BIAS, FC_WEIGHT, FC_BIAS, FC_PROJ_WEIGHT, FC_PROJ_BIAS = range(6, 12)


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


@part
def _attend_head(i, qkv, keys, values, positions, scores, merged, scale):
    """Head i, counted over all texts: keys and values (B, H, block, D), qkv (B, 3C)."""
    n_head, d = keys.shape[1], keys.shape[3]
    c = n_head * d
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


@kernel
def _attention_in_parallel(qkv, keys, values, positions, scores, merged, scale):
    for i in prange(keys.shape[0] * keys.shape[1]):
        _attend_head(i, qkv, keys, values, positions, scores, merged, scale)


@part
def _attention(qkv, keys, values, positions, scores, merged, scale):
    """Attention of each text to its own past; merged (B, C)."""
    seen = 0
    for b in range(positions.size):
        seen += positions[b] + 1
    if seen * qkv.shape[1] > ATTENTION_ALONE:
        _attention_in_parallel(qkv, keys, values, positions, scores, merged, scale)
    else:
        for i in range(keys.shape[0] * keys.shape[1]):
            _attend_head(i, qkv, keys, values, positions, scores, merged, scale)


@part
def _vector(flat, offset, n):
    """The parameter that begins at ``offset``; without elements where there is none."""
    return flat[offset : offset + n] if offset >= 0 and flat.size else flat[:0]


@part
def _matrix(flat, offset, n_in, n_out):
    """A weight: (n_in, n_out) in float32, and (n_out, n_in) in int8."""
    matrix = flat[offset : offset + n_in * n_out]
    return matrix.reshape(n_out, n_in) if flat.itemsize == 1 else matrix.reshape(n_in, n_out)


@entry
def _token(
    tokens, positions, floats, weights, scales, offsets, scale_offsets, ends, end_scales,
    keys, values, x, n, qkv, merged, inner, sums, scores, logits,
    eps, activation, position,
):  # fmt: skip
    n_layer, n_batch, n_head, _, d = keys.shape
    c, f, n_vocab = n_head * d, inner.shape[1], logits.shape[1]
    wte, wpe, ln_weight, ln_bias, rows = ends[0], ends[1], ends[2], ends[3], ends[4]
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
        linear(
            source,
            _matrix(weights, o[ATTN_WEIGHT], c, 3 * c),
            _vector(scales, s[0], 3 * c),
            _vector(floats, o[ATTN_BIAS], 3 * c),
            *(sums, qkv, STORE),
        )
        _attention(qkv, keys[layer], values[layer], positions, scores, merged, scale)
        linear(
            merged,
            _matrix(weights, o[ATTN_PROJ_WEIGHT], c, c),
            _vector(scales, s[1], c),
            _vector(floats, o[ATTN_PROJ_BIAS], c),
            *(sums, x, ADD),
        )
        if position == PRE:
            _normalise(x, ln_2, ln_2_bias, eps, n)
        else:
            _normalise(x, ln_1, ln_1_bias, eps, x)
        linear(
            source,
            _matrix(weights, o[FC_WEIGHT], c, f),
            _vector(scales, s[2], f),
            _vector(floats, o[FC_BIAS], f),
            *(sums, inner, activation),
        )
        linear(
            inner,
            _matrix(weights, o[FC_PROJ_WEIGHT], f, c),
            _vector(scales, s[3], c),
            _vector(floats, o[FC_PROJ_BIAS], c),
            *(sums, x, ADD),
        )
        if position == POST:
            _normalise(x, ln_2, ln_2_bias, eps, x)
    if position == PRE:
        _normalise(x, _vector(floats, ln_weight, c), _vector(floats, ln_bias, c), eps, x)
    table = weights[rows : rows + n_vocab * c].reshape(n_vocab, c)
    head(x, table, _vector(scales, head_scale, n_vocab), logits)


def decode_token(*arguments: Any) -> None:
    """Run :func:`_token` on all threads; :mod:`scratchgpt.generation.token_step` calls it."""
    _token(*arguments)
