"""Softmax along the last axis, one pass over each row; see :mod:`scratchgpt.ops.softmax`."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.fast_math import exp

ROWS = 16  # rows per block of a thread


@kernel
def _forward(block, x, y):
    n_rows, n = x.shape
    real = x.dtype.type
    lowest = np.finfo(x.dtype).min
    for i in range(block * ROWS, min(n_rows, (block + 1) * ROWS)):
        row, out = x[i], y[i]
        highest = lowest
        for j in range(n):
            highest = max(highest, row[j])
        for j in range(n):
            # exp does not reach 0, but a masked entry must.
            out[j] = real(0) if row[j] < lowest else exp(row[j] - highest)
        total = real(0)
        for j in range(n):
            total += out[j]
        inverse = real(1) / total if total != real(0) else real(1)
        for j in range(n):
            out[j] *= inverse


@kernel
def _backward(block, dy, y, dx):
    n_rows, n = y.shape
    for i in range(block * ROWS, min(n_rows, (block + 1) * ROWS)):
        g, row, out = dy[i], y[i], dx[i]
        along = y.dtype.type(0)
        for j in range(n):
            along += g[j] * row[j]
        for j in range(n):
            out[j] = row[j] * (g[j] - along)


def softmax_forward(x: Array, y: Array) -> None:
    """Write the softmax of each row of x (..., n) to y, which may be x; both C-contiguous."""
    rows = x.reshape(-1, x.shape[-1])
    _forward(-(-len(rows) // ROWS), rows, y.reshape(rows.shape))


def softmax_backward(dy: Array, y: Array, dx: Array) -> None:
    """Write the gradient to dx (..., n), which may be dy; all C-contiguous."""
    rows = y.reshape(-1, y.shape[-1])
    _backward(-(-len(rows) // ROWS), dy.reshape(rows.shape), rows, dx.reshape(rows.shape))
