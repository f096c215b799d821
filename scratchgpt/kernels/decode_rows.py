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
def store_keys(qkv, keys, values, owners, positions):
    """The keys and values in qkv (R, 3C) go to where their texts keep them."""
    d = keys.shape[3]
    c = keys.shape[1] * d
    for r in range(owners.size):
        b, position, row = owners[r], positions[r], qkv[r]
        for h in range(keys.shape[1]):
            key, value = keys[b, h, position], values[b, h, position]
            for j in range(d):
                key[j] = row[c + h * d + j]
                value[j] = row[2 * c + h * d + j]


@part
def _attend(q, keys, values, position, scores, out, scale):
    """One head of one position: the average of the values so far."""
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
def attend_head(i, qkv, keys, values, owners, positions, scores, merged, scale):
    """Head i, counted over all rows: keys and values (B, H, block, D), qkv (R, 3C)."""
    n_head, d = keys.shape[1], keys.shape[3]
    r, h = i // n_head, i % n_head
    b = owners[r]
    _attend(
        qkv[r, h * d : (h + 1) * d],
        keys[b, h],
        values[b, h],
        positions[r],
        scores[i],
        merged[r, h * d : (h + 1) * d],
        scale,
    )
