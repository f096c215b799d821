"""Soft cap in one pass; see :mod:`scratchgpt.ops.soft_cap`.

The forward pass is for float32. In float64, NumPy's vectorized tanh is faster than a call for each
number.
"""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import copy_into
from scratchgpt.kernels.compiler.jit import CHUNK
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.fast_math import tanh


@kernel
def _forward(chunk, x, cap, y):
    ys = y[chunk * CHUNK : (chunk + 1) * CHUNK]
    copy_into(ys, x[chunk * CHUNK : (chunk + 1) * CHUNK])
    inverse = x.dtype.type(1) / cap
    for i in range(ys.size):
        ys[i] = cap * tanh(ys[i] * inverse)


@kernel
def _backward(chunk, dy, y, cap, dx):
    ys, dxs = y[chunk * CHUNK : (chunk + 1) * CHUNK], dx[chunk * CHUNK : (chunk + 1) * CHUNK]
    copy_into(dxs, dy[chunk * CHUNK : (chunk + 1) * CHUNK])
    one = y.dtype.type(1)
    inverse = one / cap
    for i in range(dxs.size):
        share = ys[i] * inverse
        dxs[i] *= one - share * share


def soft_cap_forward(x: Array, cap: float, y: Array) -> None:
    """Write the capped x (...), in float32, to y (...), C-contiguous, which may be x."""
    flat_x, flat_y = np.ascontiguousarray(x).reshape(-1), y.reshape(-1)
    _forward(-(-x.size // CHUNK), flat_x, x.dtype.type(cap), flat_y)


def soft_cap_backward(dy: Array, y: Array, cap: float, dx: Array) -> None:
    """Write the gradient with respect to x (...) to dx (...), C-contiguous, which may be dy."""
    flat_dy, flat_y = np.ascontiguousarray(dy).reshape(-1), np.ascontiguousarray(y).reshape(-1)
    _backward(-(-dy.size // CHUNK), flat_dy, flat_y, y.dtype.type(cap), dx.reshape(-1))
