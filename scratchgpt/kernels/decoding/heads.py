"""Heads of a decoding step: norm and rotation, storage of keys and values, and attention."""

import numpy as np

from scratchgpt.kernels.compiler.addresses import prefetch
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.decoding.activations import soft_cap
from scratchgpt.kernels.decoding.form import AFTER_ROTARY, BEFORE_ROTARY, NEIGHBORS
from scratchgpt.kernels.decoding.norms import normalize_row
from scratchgpt.kernels.decoding.tables import K_NORM, Q_NORM, vector
from scratchgpt.kernels.parts.attention_scores import dot
from scratchgpt.kernels.parts.fast_math import ONE, ZERO, F, exp

LOWEST = F(np.finfo(np.float32).min)


@part
def _rotate(x, cos, sin, pairing):
    """Rotate the pairs of channels of a head x (D,) in place, given cos and sin (D/2,)."""
    half = cos.size
    step, apart = (2, 1) if pairing == NEIGHBORS else (1, half)
    for i in range(half):
        first, second = x[step * i], x[step * i + apart]
        x[step * i] = first * cos[i] - second * sin[i]
        x[step * i + apart] = second * cos[i] + first * sin[i]


@part
def _place(heads, d, position, weight, form):
    """Normalize and rotate the queries or keys of a row, heads of D channels, in place."""
    for start in range(0, heads.size, d):
        head = heads[start : start + d]
        if form.qk_norm == BEFORE_ROTARY:
            normalize_row(head, weight, weight[:0], False, form.eps, head)
        if form.cos.size:
            _rotate(head, form.cos[position], form.sin[position], form.pairing)
        if form.qk_norm == AFTER_ROTARY:
            normalize_row(head, weight, weight[:0], False, form.eps, head)


@part
def place_heads(layer, w, texts, buffers):
    """Prepare the queries and keys of all rows, and store keys and values in the caches."""
    keys, values, d = texts.keys[layer], texts.values[layer], texts.keys.shape[4]
    n_queries, n_keys = buffers.merged.shape[1], keys.shape[1] * d
    q_weight = vector(w.floats, w.offsets[layer, Q_NORM], d)
    k_weight = vector(w.floats, w.offsets[layer, K_NORM], d)
    for r in range(texts.owners.size):
        b, position, row = texts.owners[r], texts.positions[r], buffers.qkv[r]
        _place(row[:n_queries], d, position, q_weight, w.form)
        new_keys, new_values = row[n_queries : n_queries + n_keys], row[n_queries + n_keys :]
        _place(new_keys, d, position, k_weight, w.form)
        for h in range(keys.shape[1]):
            key, value = keys[b, h, position], values[b, h, position]
            for j in range(d):
                key[j] = new_keys[h * d + j]
                value[j] = new_values[h * d + j]


@part
def _attend(q, keys, values, scores, out, scale, cap):
    """Write the mean of the values (n, D), weighted by the keys' similarity to q, to out (D,)."""
    highest, n, d = LOWEST, keys.shape[0], out.size
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
    if cap > ZERO:
        soft_cap(scores, cap)
    for i in range(n):
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
def first_seen(position, window):
    """Return the first position that a row at ``position`` attends to."""
    return max(0, position + 1 - window)


@part
def attend(begin, end, layer, form, texts, buffers):
    """Compute the attention of query heads from ``begin`` to ``end``, counted over all rows.

    Only keys and values inside the window of the layer are read.
    """
    keys, values, d = texts.keys[layer], texts.values[layer], texts.keys.shape[4]
    n_head = buffers.merged.shape[1] // d
    group = n_head // keys.shape[1]  # query heads per key-value head
    for i in range(begin, end):
        r, h = i // n_head, i % n_head
        b, stop = texts.owners[r], texts.positions[r] + 1
        start = first_seen(texts.positions[r], form.windows[layer])
        _attend(
            buffers.qkv[r, h * d : (h + 1) * d],
            keys[b, h // group][start:stop],
            values[b, h // group][start:stop],
            buffers.scores[i, : stop - start],
            buffers.merged[r, h * d : (h + 1) * d],
            form.attention_scales[layer],
            form.attention_soft_cap,
        )
