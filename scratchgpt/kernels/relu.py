"""ReLU and its square in one pass; see :mod:`scratchgpt.ops.relu` and ``ops.relu_squared``."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import copy_into
from scratchgpt.kernels.compiler.jit import CHUNK
from scratchgpt.kernels.compiler.parallel import kernel


@kernel
def _gate(chunk, source, x, out):
    zero = x.dtype.type(0)
    xs, outs = x[chunk * CHUNK : (chunk + 1) * CHUNK], out[chunk * CHUNK : (chunk + 1) * CHUNK]
    copy_into(outs, source[chunk * CHUNK : (chunk + 1) * CHUNK])
    for i in range(xs.size):
        outs[i] = zero if xs[i] <= zero else outs[i]  # NaN is kept


@kernel
def _square(chunk, x, y):
    zero = x.dtype.type(0)
    xs, ys = x[chunk * CHUNK : (chunk + 1) * CHUNK], y[chunk * CHUNK : (chunk + 1) * CHUNK]
    for i in range(xs.size):
        positive = zero if xs[i] <= zero else xs[i]  # NaN is kept
        ys[i] = positive * positive


@kernel
def _times_slope_of_square(chunk, dy, x, dx):
    zero, two = x.dtype.type(0), x.dtype.type(2)
    xs, dxs = x[chunk * CHUNK : (chunk + 1) * CHUNK], dx[chunk * CHUNK : (chunk + 1) * CHUNK]
    copy_into(dxs, dy[chunk * CHUNK : (chunk + 1) * CHUNK])
    for i in range(xs.size):
        dxs[i] *= two * (zero if xs[i] <= zero else xs[i])


def relu(source: Array, x: Array, out: Array) -> None:
    """Write ``source`` where x > 0 and 0 elsewhere to ``out``, which is C-contiguous.

    The source is x in the forward pass, and dy in the backward pass. ``out`` may be dy.
    """
    flat_source = np.ascontiguousarray(source).reshape(-1)
    flat_x = np.ascontiguousarray(x).reshape(-1)
    _gate(-(-x.size // CHUNK), flat_source, flat_x, out.reshape(-1))


def relu_squared_forward(x: Array, y: Array) -> None:
    """Write the square of ReLU of x (...) to y (...), C-contiguous."""
    _square(-(-x.size // CHUNK), np.ascontiguousarray(x).reshape(-1), y.reshape(-1))


def relu_squared_backward(dy: Array, x: Array, dx: Array) -> None:
    """Write the gradient with respect to x (...) to dx (...), C-contiguous, which may be dy."""
    flat_dy, flat_x = np.ascontiguousarray(dy).reshape(-1), np.ascontiguousarray(x).reshape(-1)
    _times_slope_of_square(-(-x.size // CHUNK), flat_dy, flat_x, dx.reshape(-1))
