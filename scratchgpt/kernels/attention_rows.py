"""What attention does to one row of scores; see :mod:`scratchgpt.kernels.attention`."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.kernels.dropout import LOWER_HALF, U, random_bits
from scratchgpt.kernels.fast_math import ONE, ZERO, F, exp
from scratchgpt.kernels.jit import part

LOWEST = F(np.finfo(np.float32).min)
FORBIDDEN = F(-np.inf)


class Dropped(NamedTuple):
    """What decides which attention weights are dropped."""

    threshold: Any  # uint64, of 2^32; 0 where nothing is dropped
    seed: Any  # uint64
    scale: Any  # float32


@part
def forbid(row, n_visible, padding):
    """Minus infinity where a query may not look: behind n_visible, and at padding."""
    if padding.size:
        for j in range(n_visible):
            row[j] = FORBIDDEN if padding[j] else row[j]
    for j in range(n_visible, row.size):
        row[j] = FORBIDDEN


@part
def keep(dropped, index, factors):
    """What dropout multiplies weights by that begin at ``index`` of all weights."""
    for j in range(factors.size):
        at = index + U(j)
        bits = random_bits(dropped.seed, (at >> U(1)) + U(1))
        half = bits >> U(32) if at & U(1) else bits & LOWER_HALF
        factors[j] = dropped.scale if half >= dropped.threshold else ZERO


@part
def softmax(row, scale):
    """Scaled scores to weights, in place; returns the log-sum-exp."""
    highest = LOWEST
    for j in range(row.size):
        highest = max(highest, row[j])
    for j in range(row.size):
        row[j] = exp((row[j] - highest) * scale)
    total = ZERO
    for j in range(row.size):
        total += row[j]
    if total == ZERO:  # nothing to look at
        return ZERO
    inverse = ONE / total
    for j in range(row.size):
        row[j] *= inverse
    return highest * scale + np.log(total)


@part
def weights_again(scores, scale, log_total):
    for j in range(scores.size):
        scores[j] = exp(scores[j] * scale - log_total)


@part
def softmax_backward(weights, d, along, scale):
    """d, the gradient of the weights, becomes that of the scores."""
    for j in range(d.size):
        d[j] = weights[j] * (d[j] - along) * scale


@part
def dot(a, b):
    total = ZERO
    for j in range(a.size):
        total += a[j] * b[j]
    return total


@part
def multiply(x, factors):
    for j in range(x.size):
        x[j] *= factors[j]
