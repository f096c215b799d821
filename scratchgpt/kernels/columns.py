"""The column sums of a matrix, which are the gradient of a bias."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.memory import empty, scope

ROWS = 128  # rows per chunk


@kernel
def _sum_rows(block, x, partial):
    n_rows, n_columns = x.shape
    out = partial[block]
    for j in range(n_columns):
        out[j] = x.dtype.type(0)
    for i in range(block * ROWS, min(n_rows, (block + 1) * ROWS)):
        row = x[i]
        for j in range(n_columns):
            out[j] += row[j]


def add_rows(x: Array, total: Array) -> None:
    """Add the sum of the rows of x (m, n) to total (n,), of the same dtype."""
    with scope():
        partial = empty((-(-len(x) // ROWS), x.shape[1]), like=x)
        _sum_rows(len(partial), np.ascontiguousarray(x), partial)
        for row in partial:
            total += row
