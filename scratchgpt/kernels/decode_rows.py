"""What a token goes through between the matrices: layer norm, and attention to its past."""

import numpy as np

from scratchgpt.kernels.attention_scores import dot
from scratchgpt.kernels.fast_math import ONE, ZERO, F, exp
from scratchgpt.kernels.jit import part

LOWEST = F(np.finfo(np.float32).min)


@part
def normalise(x, weight, bias, eps, y):
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
def attend_head(i, qkv, keys, values, positions, scores, merged, scale):
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
