"""Scatter-add of rows, the backward of an embedding; see :mod:`scratchgpt.ops.embedding`."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.parallel import kernel

WIDTH = 64  # columns per band of a thread


@kernel
def _backward(band, dy, tokens, dweight):
    # The work is divided by columns, so that no two threads write to the same element, and each row
    # is summed in the order of the tokens.
    start, stop = band * WIDTH, min(dy.shape[1], (band + 1) * WIDTH)
    for i in range(tokens.size):
        source, target = dy[i, start:stop], dweight[tokens[i], start:stop]
        for j in range(stop - start):
            target[j] += source[j]


def embedding_backward(tokens: Array, dy: Array, dweight: Array) -> None:
    """Add row i of dy (n, C) to row ``tokens[i]`` of dweight (V, C), which is C-contiguous."""
    n_bands = -(-dy.shape[1] // WIDTH)
    _backward(n_bands, np.ascontiguousarray(dy), tokens.astype(np.int64, copy=False), dweight)
