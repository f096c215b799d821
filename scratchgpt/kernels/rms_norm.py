"""RMS normalization, one pass over each row; see :mod:`scratchgpt.ops.rms_norm`.

Rows are read and written by address, so the queries and keys of attention, which are views
(B, H, T, D) of one array, need no copy.
"""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import copy_into
from scratchgpt.kernels.compiler.jit import CHUNK
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.rows import (
    index_of,
    n_rows_of,
    next_index,
    places_of,
    readable,
    row_at,
)
from scratchgpt.memory import empty, scope

# The arrays of the kernels, by number; see ``places_of``.
X, Y, DX, RSTD, BRANCH, TOTAL, DY, RESIDUAL = 1, 2, 2, 3, 4, 5, 4, 5


@kernel
def _forward(block, places, n_rows, weight, eps):
    """Normalize x, or x + branch if there is a branch; its sum is written to ``total`` first."""
    real = weight.dtype.type
    first, end = block * n_rows, n_rows_of(places)
    index = index_of(first, places)
    for _ in range(first, min(end, first + n_rows)):
        row, out = row_at(weight, places, X, index), row_at(weight, places, Y, index)
        if places[BRANCH, 0]:
            one, other = row, row_at(weight, places, BRANCH, index)
            row = row_at(weight, places, TOTAL, index)
            if row.ctypes.data == one.ctypes.data:
                one, other = other, one  # the sum overwrites x
            copy_into(row, other)
            for j in range(row.size):
                row[j] += one[j]
        squares = real(0)
        for j in range(row.size):
            squares += row[j] * row[j]
        inverse = real(1) / np.sqrt(squares / real(row.size) + eps)
        if weight.size:
            for j in range(row.size):
                out[j] = row[j] * inverse * weight[j]
        else:
            for j in range(row.size):
                out[j] = row[j] * inverse
        row_at(weight, places, RSTD, index)[0] = inverse
        index = next_index(index, places)


@kernel
def _backward(block, places, n_rows, weight, dweights):
    """Write dx, row by row; it may overwrite dy."""
    real = weight.dtype.type
    dweight = dweights[block]
    for j in range(dweight.size):
        dweight[j] = real(0)
    first, end = block * n_rows, n_rows_of(places)
    index = index_of(first, places)
    for _ in range(first, min(end, first + n_rows)):
        row, out = row_at(weight, places, X, index), row_at(weight, places, DX, index)
        inverse = row_at(weight, places, RSTD, index)[0]
        copy_into(out, row_at(weight, places, DY, index))
        along_x = real(0)
        if weight.size:
            for j in range(row.size):
                dweight[j] += out[j] * (row[j] * inverse)
                out[j] *= weight[j]  # dx_hat
                along_x += out[j] * row[j]
        else:
            for j in range(row.size):
                along_x += out[j] * row[j]
        # The projection on x_hat = x inverse, with all factors of x in one number.
        along_x *= inverse * inverse / real(row.size)
        for j in range(row.size):
            out[j] = inverse * (out[j] - row[j] * along_x)
        if places[RESIDUAL, 0]:
            other = row_at(weight, places, RESIDUAL, index)
            for j in range(row.size):
                out[j] += other[j]
        index = next_index(index, places)


def rms_norm_forward(x: Array, weight: Array | None, eps: float, y: Array, rstd: Array) -> None:
    """Write y (..., C), whose rows are contiguous, and rstd (..., 1), C-contiguous."""
    residual_rms_norm_forward(x, None, weight, eps, None, y, rstd)


def residual_rms_norm_forward(
    x: Array,
    branch: Array | None,
    weight: Array | None,
    eps: float,
    total: Array | None,
    y: Array,
    rstd: Array,
) -> None:
    """Normalize x + branch, which is written to ``total``; total may be x or branch."""
    x, branch = readable(x), readable(branch)
    places, (n_blocks, n_rows) = places_of(x, y, rstd, branch, total), _blocks(x)
    _forward(n_blocks, places, n_rows, _given(weight, x), x.dtype.type(eps))


def rms_norm_backward(
    dy: Array,
    x: Array,
    weight: Array | None,
    rstd: Array,
    residual_gradient: Array | None,
    dx: Array,
) -> Array | None:
    """Write dx (..., C) plus ``residual_gradient``, and return dweight (C,), if there is a weight.

    The rows of dx are contiguous; dx may be dy. Each block of rows sums its share of the gradient
    of the weight, then the blocks are summed.
    """
    dy, x, residual_gradient = readable(dy), readable(x), readable(residual_gradient)
    rstd, given = np.ascontiguousarray(rstd), _given(weight, x)
    places, (n_blocks, n_rows) = places_of(x, dx, rstd, dy, residual_gradient), _blocks(x)
    with scope():
        partial = empty((n_blocks, given.size), like=x)
        _backward(n_blocks, places, n_rows, given, partial)
        return None if weight is None else partial.sum(axis=0)


def _given(weight: Array | None, x: Array) -> Array:
    return np.empty(0, x.dtype) if weight is None else np.ascontiguousarray(weight)


def _blocks(x: Array) -> tuple[int, int]:
    """Return the number of blocks of the threads, and the rows per block."""
    n_rows = max(1, CHUNK // x.shape[-1])
    return -(-x.size // (n_rows * x.shape[-1])), n_rows
