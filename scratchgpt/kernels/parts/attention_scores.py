"""Mask, softmax and dropout for a strip of queries; see :mod:`scratchgpt.kernels.attention`.

Scores have a row for each key and a column for each query of the strip, so the softmax runs down
the columns. An operation on a row is vectorized over all queries of the strip.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.parts.column_vectors import (
    column_exponentials,
    column_gradient,
    column_highest,
)
from scratchgpt.kernels.parts.fast_math import tanh
from scratchgpt.kernels.parts.random_bits import LOWER_HALF, U, random_bits

STRIP = 32  # queries per strip
SUMMED = 64  # keys per partial sum of exponentials
FORBIDDEN = -np.inf


class Dropped(NamedTuple):
    """Parameters of dropout for attention weights."""

    threshold: Any  # uint64, out of 2^32; 0 without dropout
    seed: Any  # uint64
    scale: Any  # of the dtype of the weights


@part
def cap(scores, scale, limit):
    """Replace scores (S, STRIP) by c tanh(scale score / c), with the limit c."""
    flat, factor = scores.reshape(-1), scale / limit
    for j in range(flat.size):
        flat[j] = limit * tanh(factor * flat[j])


@part
def cap_with_gradient(scores, d, scale, limit, along):
    """Cap the scores; replace d, the gradient of the weights, by (d - along) times the slope.

    The slope of the capped score is scale (1 - tanh²). It multiplies the whole gradient of the
    score, weight (d - along), so the rest is that of scores with the scale 1 and ``along`` 0.
    """
    factor, one = scale / limit, scores.dtype.type(1)
    for s in range(scores.shape[0]):
        row, d_row = scores[s], d[s]
        for i in range(STRIP):
            share = tanh(factor * row[i])
            row[i] = limit * share
            d_row[i] = (d_row[i] - along[i]) * (scale * (one - share * share))


@part
def forbid(scores, strip, causal, padding):
    """Set the scores of masked keys to minus infinity: padding, and keys outside of the windows.

    Parameters
    ----------
    scores : array (S, STRIP)
    strip : Strip
    causal : bool
    padding : bool array (at least S), or without elements
    """
    forbidden = scores.dtype.type(FORBIDDEN)
    n_keys, diagonal = scores.shape[0], strip.diagonal
    if padding.size:
        for s in range(n_keys):
            if padding[s]:
                scores[s, :] = forbidden
    if causal:
        for s in range(diagonal + 1, n_keys):  # the queries before these keys
            scores[s, : min(s - diagonal, STRIP)] = forbidden
        for s in range(min(n_keys, diagonal + STRIP - strip.window)):  # those too far behind them
            scores[s, max(0, s - diagonal + strip.window) :] = forbidden


@part
def exponentials(scores, scale, highest, totals, sums):
    """Replace scores (S, STRIP) by the exponentials of their difference to the query's maximum.

    Write the maximum of each query and the sum of its exponentials; ``sums`` is scratch memory.
    """
    n_keys, strip = scores.shape[0], STRIP * scores.itemsize
    column_highest(scores, scores.ctypes.data, n_keys, strip, highest.ctypes.data)
    for i in range(STRIP):
        totals[i] = 0
    for first in range(0, n_keys, SUMMED):
        at, n = scores.ctypes.data + first * strip, min(SUMMED, n_keys - first)
        column_exponentials(scores, at, n, strip, scale, highest.ctypes.data, sums.ctypes.data)
        for i in range(STRIP):
            totals[i] += sums[i]


@part
def weights_and_gradient(scores, d, scale, log_total, along):
    """Replace scores by weights, and d, the gradient of the weights, by that of the scores.

    Parameters
    ----------
    scores, d : array (S, STRIP)
    scale : scalar
    log_total, along : array (STRIP,)
        For each query, the log-sum-exp of its scores, and the sum of its weights times their
        gradients.
    """
    at, d_at, log_total_at = scores.ctypes.data, d.ctypes.data, log_total.ctypes.data
    n_keys, strip = scores.shape[0], STRIP * scores.itemsize
    column_gradient(scores, at, d_at, n_keys, strip, scale, log_total_at, along.ctypes.data)


@part
def drop(x, dropped, first_weight, n_keys):
    """Apply dropout to x (S, STRIP); ``first_weight`` is the index of its first weight."""
    zero = x.dtype.type(0)
    for s in range(x.shape[0]):
        row = x[s]
        for i in range(STRIP):
            at = U(first_weight + i * n_keys + s)
            bits = random_bits(dropped.seed, (at >> U(1)) + U(1))
            half = bits >> U(32) if at & U(1) else bits & LOWER_HALF
            row[i] *= dropped.scale if half >= dropped.threshold else zero


@part
def dot(a, b):
    total = a.dtype.type(0)
    for j in range(a.size):
        total += a[j] * b[j]
    return total


@part
def divide(x, total):
    """Return x / total, or 0 if total is 0."""
    inverse = x.dtype.type(1) / total if total != 0 else total
    for j in range(x.size):
        x[j] *= inverse
