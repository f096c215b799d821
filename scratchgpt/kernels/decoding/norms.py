"""Norms of the rows of a decoding step: layer norm and RMS norm."""

import numpy as np

from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.parts.fast_math import ONE, ZERO, F


@part
def normalize_row(x, weight, bias, centered, eps, y):
    """Write the norm of x (n,) to y, which may be x: a layer norm if centered, or an RMS norm.

    Weight and bias have no elements if the norm has none.
    """
    n, mean = x.size, ZERO
    if centered:
        total = ZERO
        for j in range(n):
            total += x[j]
        mean = total / F(n)
    squares = ZERO
    for j in range(n):
        squares += (x[j] - mean) * (x[j] - mean)
    inverse = ONE / np.sqrt(squares / F(n) + eps)
    for j in range(n):
        y[j] = (x[j] - mean) * inverse
    if weight.size:
        for j in range(n):
            y[j] *= weight[j]
    if bias.size:
        for j in range(n):
            y[j] += bias[j]


@part
def normalize(x, weight, bias, centered, eps, y):
    """Write the norm of each row of x (R, C) to y, which may be x."""
    for r in range(x.shape[0]):
        normalize_row(x[r], weight, bias, centered, eps, y[r])
