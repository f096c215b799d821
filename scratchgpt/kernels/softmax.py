"""Softmax along the last axis, one pass over each row; see :mod:`scratchgpt.ops.softmax`."""

import numpy as np
from numba import prange

from scratchgpt.backend import Array
from scratchgpt.kernels.fast_math import exp
from scratchgpt.kernels.jit import kernel

ROWS = 16  # a thread takes this many at a time


@kernel
def _forward(x, y):
    n_rows, n = x.shape
    for block in prange((n_rows + ROWS - 1) // ROWS):
        real = x.dtype.type
        lowest = np.finfo(x.dtype).min
        for i in range(block * ROWS, min(n_rows, (block + 1) * ROWS)):
            row, out = x[i], y[i]
            highest = lowest
            for j in range(n):
                highest = max(highest, row[j])
            for j in range(n):
                # exp does not reach 0, and a forbidden entry must.
                out[j] = real(0) if row[j] < lowest else exp(row[j] - highest)
            total = real(0)
            for j in range(n):
                total += out[j]
            inverse = real(1) / total if total != real(0) else real(1)
            for j in range(n):
                out[j] *= inverse


@kernel
def _backward(dy, y, dx):
    n_rows, n = y.shape
    for block in prange((n_rows + ROWS - 1) // ROWS):
        for i in range(block * ROWS, min(n_rows, (block + 1) * ROWS)):
            g, row, out = dy[i], y[i], dx[i]
            along = y.dtype.type(0)
            for j in range(n):
                along += g[j] * row[j]
            for j in range(n):
                out[j] = row[j] * (g[j] - along)


def softmax_forward(x: Array, y: Array) -> None:
    """Write the softmax of each row of x (..., n) to y, which may be x; both C-contiguous."""
    _forward(x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1]))


def softmax_backward(dy: Array, y: Array, dx: Array) -> None:
    """Write the gradient to dx (..., n), which may be dy; all C-contiguous."""
    n = y.shape[-1]
    _backward(dy.reshape(-1, n), y.reshape(-1, n), dx.reshape(-1, n))
