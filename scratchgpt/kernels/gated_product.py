"""The gated product with SiLU, one pass over each row; see :mod:`scratchgpt.ops.gated_product`.

The backward pass needs one exponential per gate: its sigmoid gives both the activated gate and the
slope.
"""

import numpy as np

from scratchgpt.backend import Array, as_rows
from scratchgpt.kernels.compiler.jit import CHUNK
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.silu import sigmoid, silu_slope


@kernel
def _forward(block, n_rows, x, y):
    n = y.shape[1]
    for row in range(block * n_rows, min(len(y), (block + 1) * n_rows)):
        gate, up, out = x[row, :n], x[row, n:], y[row]
        for i in range(n):
            out[i] = gate[i] * sigmoid(gate[i]) * up[i]


@kernel
def _backward(block, n_rows, dy, x, dx):
    n = dy.shape[1]
    for row in range(block * n_rows, min(len(dy), (block + 1) * n_rows)):
        gate, up, dout = x[row, :n], x[row, n:], dy[row]
        dgate, dup = dx[row, :n], dx[row, n:]
        for i in range(n):
            s = sigmoid(gate[i])
            dgate[i] = dout[i] * up[i] * silu_slope(gate[i], s)
            dup[i] = dout[i] * gate[i] * s


def gated_product_forward(x: Array, y: Array) -> None:
    """Write silu(gate) up to y (..., F), C-contiguous, from x = [gate | up] (..., 2F)."""
    n_rows, rows = _blocks(y.shape[-1]), _rows(x)
    _forward(-(-len(rows) // n_rows), n_rows, rows, _rows(y))


def gated_product_backward(dy: Array, x: Array, dx: Array) -> None:
    """Write the gradient with respect to x (..., 2F) to dx (..., 2F), C-contiguous."""
    n_rows, rows = _blocks(dy.shape[-1]), _rows(x)
    _backward(-(-len(rows) // n_rows), n_rows, _rows(dy), rows, _rows(dx))


def _blocks(n_channels: int) -> int:
    """Return the number of rows in a block of a thread."""
    return max(1, CHUNK // max(n_channels, 1))


def _rows(x: Array) -> Array:
    """Return x (..., C) as C-contiguous rows (N, C)."""
    return as_rows(np.ascontiguousarray(x))
