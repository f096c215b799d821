"""The sum over the rows of a matrix: the gradient of a bias."""

import numpy as np
from numba import prange

from scratchgpt.backend import Array
from scratchgpt.kernels.jit import kernel
from scratchgpt.memory import empty, scope

ROWS = 128  # that a thread takes at a time


@kernel
def _sum_rows(x, partial, total):
    n_rows, n_columns = x.shape
    for block in prange(partial.shape[0]):
        out = partial[block]
        for j in range(n_columns):
            out[j] = x.dtype.type(0)
        for i in range(block * ROWS, min(n_rows, (block + 1) * ROWS)):
            row = x[i]
            for j in range(n_columns):
                out[j] += row[j]
    for block in range(partial.shape[0]):
        row = partial[block]
        for j in range(n_columns):
            total[j] += row[j]


def add_rows(x: Array, total: Array) -> None:
    """Add the sum of the rows of x (m, n) to total (n,), of the same dtype."""
    with scope():
        partial = empty((-(-len(x) // ROWS), x.shape[1]), like=x)
        _sum_rows(np.ascontiguousarray(x), partial, total)
