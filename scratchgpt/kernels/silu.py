"""SiLU in one pass; see :mod:`scratchgpt.ops.silu`."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import copy_into
from scratchgpt.kernels.compiler.jit import CHUNK, inner
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.fast_math import exp


@inner
def sigmoid(x):
    """Compute 1 / (1 + exp(-x)) of one number; the exponential may be infinite."""
    real = type(x)
    return real(1) / (real(1) + exp(-x))


@inner
def silu_slope(x, s):
    """Return the derivative of SiLU at x, whose sigmoid is s."""
    one = type(x)(1)
    return s * (one + x * (one - s))


@kernel
def _forward(chunk, x, y):
    xs, ys = x[chunk * CHUNK : (chunk + 1) * CHUNK], y[chunk * CHUNK : (chunk + 1) * CHUNK]
    for i in range(xs.size):
        ys[i] = xs[i] * sigmoid(xs[i])


@kernel
def _backward(chunk, dy, x, dx):
    xs, dxs = x[chunk * CHUNK : (chunk + 1) * CHUNK], dx[chunk * CHUNK : (chunk + 1) * CHUNK]
    copy_into(dxs, dy[chunk * CHUNK : (chunk + 1) * CHUNK])
    for i in range(xs.size):
        dxs[i] *= silu_slope(xs[i], sigmoid(xs[i]))


def silu_forward(x: Array, y: Array) -> None:
    """Write SiLU of x (...) to y (...), C-contiguous."""
    _forward(-(-x.size // CHUNK), np.ascontiguousarray(x).reshape(-1), y.reshape(-1))


def silu_backward(dy: Array, x: Array, dx: Array) -> None:
    """Write the gradient with respect to x (...) to dx (...), C-contiguous, which may be dy."""
    flat_dy, flat_x = np.ascontiguousarray(dy).reshape(-1), np.ascontiguousarray(x).reshape(-1)
    _backward(-(-x.size // CHUNK), flat_dy, flat_x, dx.reshape(-1))
