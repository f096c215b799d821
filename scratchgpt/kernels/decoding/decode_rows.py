"""Row operations of a decoding step: layer norm, and attention to the earlier positions."""

import numpy as np

from scratchgpt.kernels.compiler.addresses import prefetch
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.parts.attention_scores import dot
from scratchgpt.kernels.parts.fast_math import ONE, ZERO, F, exp

LOWEST = F(np.finfo(np.float32).min)


@part
def normalize(x, weight, bias, eps, y):
    """Write the layer norm of each row of x to y; y may be x."""
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
def _store_head(r, h, qkv, keys, values, texts):
    b, position, row, d = texts.owners[r], texts.positions[r], qkv[r], keys.shape[3]
    c = keys.shape[1] * d
    key, value = keys[b, h, position], values[b, h, position]
    for j in range(d):
        key[j] = row[c + h * d + j]
        value[j] = row[2 * c + h * d + j]


@part
def store_keys(qkv, keys, values, texts):
    """Copy the keys and values in qkv (R, 3C) to the caches of their texts."""
    for r in range(texts.owners.size):
        for h in range(keys.shape[1]):
            _store_head(r, h, qkv, keys, values, texts)


@part
def _attend(q, keys, values, position, scores, out, scale):
    """Compute one head for one position: the weighted mean of the values up to it."""
    highest, n, d = LOWEST, position + 1, out.size
    n_fours = n - n % 4
    for i in range(0, n_fours, 4):
        for line in range(0, 16 * d, 64):  # prefetch the values
            prefetch(values.ctypes.data + i * values.strides[0] + line)
        k0, k1, k2, k3 = keys[i], keys[i + 1], keys[i + 2], keys[i + 3]
        s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
        for j in range(d):
            s0 += k0[j] * q[j]
            s1 += k1[j] * q[j]
            s2 += k2[j] * q[j]
            s3 += k3[j] * q[j]
        scores[i], scores[i + 1], scores[i + 2], scores[i + 3] = s0, s1, s2, s3
    for i in range(n_fours, n):
        scores[i] = dot(keys[i], q)
    for i in range(n):
        scores[i] *= scale
        highest = max(highest, scores[i])
    total = ZERO
    for i in range(n):
        scores[i] = exp(scores[i] - highest)
    for i in range(n):
        total += scores[i]
    for j in range(d):
        out[j] = ZERO
    for i in range(0, n_fours, 4):
        v0, v1, v2, v3 = values[i], values[i + 1], values[i + 2], values[i + 3]
        w0, w1, w2, w3 = scores[i], scores[i + 1], scores[i + 2], scores[i + 3]
        for j in range(d):
            out[j] += w0 * v0[j] + w1 * v1[j] + w2 * v2[j] + w3 * v3[j]
    for i in range(n_fours, n):
        weight, row = scores[i], values[i]
        for j in range(d):
            out[j] += weight * row[j]
    inverse = ONE / total
    for j in range(d):
        out[j] *= inverse


@part
def attend_head(i, keys, values, scale, texts, buffers):
    """Run head i, counted over all texts: store keys and values of its rows, then attend.

    ``keys`` and ``values`` are the cache of one layer, (B, H, block, D).
    """
    n_head, d = keys.shape[1], keys.shape[3]
    b, h = i // n_head, i % n_head
    for r in range(texts.owners.size):
        if texts.owners[r] == b:
            _store_head(r, h, buffers.qkv, keys, values, texts)
    for r in range(texts.owners.size):
        if texts.owners[r] == b:
            _attend(
                buffers.qkv[r, h * d : (h + 1) * d],
                keys[b, h],
                values[b, h],
                texts.positions[r],
                buffers.scores[r * n_head + h],
                buffers.merged[r, h * d : (h + 1) * d],
                scale,
            )
