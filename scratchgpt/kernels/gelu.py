"""GELU in one pass, exact and in the tanh approximation; see :mod:`scratchgpt.ops.gelu`.

The approximation: with u = sqrt(2/π)(x + 0.044715 x³), (1 + tanh u) / 2 is the sigmoid σ(2u).
So y = x σ(2u), and dy/dx = σ + x σ (1 - σ) 2u'.

The exact form in float32: Φ(x) by formula 7.1.26 of Abramowitz and Stegun (1964), whose error of
1.5e-7 is at the level of float32 rounding. Its exponential is also that of the density φ(x), which
the backward pass needs. In float64, Φ(x) calls the library function erfc for each number.
"""

import math

import numpy as np
from numba import types
from numba.extending import overload

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import copy_into
from scratchgpt.kernels.compiler.jit import CHUNK, FAST, inner
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.fast_math import ONE, ZERO, F, exp

TWICE = 2 * math.sqrt(2 / math.pi)
CUBIC = 0.044715
SQRT_HALF = math.sqrt(0.5)
DENSITY = 1 / math.sqrt(2 * math.pi)

# Abramowitz and Stegun's constants.
P = F(0.3275911)
A1, A2, A3 = F(0.254829592), F(-0.284496736), F(1.421413741)
A4, A5 = F(-1.453152027), F(1.061405429)


@inner
def _sigmoid_2u(x):
    real = type(x)
    return real(1) / (real(1) + exp(-real(TWICE) * x * (real(1) + real(CUBIC) * x * x)))


def _phi(x, bell):
    """Φ(x), given e to the -x²/2; compiled code uses one of the two overloads below."""


@overload(_phi, jit_options={"fastmath": FAST})
def _phi_in_float32(x, bell):
    def phi(x, bell):
        z = abs(x) * F(SQRT_HALF)
        t = ONE / (ONE + P * z)
        tail = F(0.5) * bell * t * (A1 + t * (A2 + t * (A3 + t * (A4 + t * A5))))  # Φ(-|x|)
        return tail if x < ZERO else ONE - tail

    return phi if x == types.float32 else None


@overload(_phi)
def _phi_in_float64(x, bell):
    def phi(x, bell):
        return 0.5 * math.erfc(-SQRT_HALF * x)

    return phi if x == types.float64 else None


@inner
def _bell(x):
    return exp(-type(x)(0.5) * x * x)


@inner
def tanh_gelu(x):
    """GELU of one number in the tanh approximation."""
    return x * _sigmoid_2u(x)


@inner
def exact_gelu(x):
    """GELU of one number."""
    return x * _phi(x, _bell(x))


@kernel
def _tanh_forward(chunk, x, y):
    xs, ys = x[chunk * CHUNK : (chunk + 1) * CHUNK], y[chunk * CHUNK : (chunk + 1) * CHUNK]
    for i in range(xs.size):
        ys[i] = tanh_gelu(xs[i])


@kernel
def _tanh_backward(chunk, dy, x, dx):
    real = x.dtype.type
    xs, dxs = x[chunk * CHUNK : (chunk + 1) * CHUNK], dx[chunk * CHUNK : (chunk + 1) * CHUNK]
    copy_into(dxs, dy[chunk * CHUNK : (chunk + 1) * CHUNK])
    one, twice, three_cubic = real(1), real(TWICE), real(3 * CUBIC)
    for i in range(xs.size):
        s = _sigmoid_2u(xs[i])
        slope = s + xs[i] * s * (one - s) * twice * (one + three_cubic * xs[i] * xs[i])
        dxs[i] *= slope


@kernel
def _exact_forward(chunk, x, y):
    xs, ys = x[chunk * CHUNK : (chunk + 1) * CHUNK], y[chunk * CHUNK : (chunk + 1) * CHUNK]
    for i in range(xs.size):
        ys[i] = exact_gelu(xs[i])


@kernel
def _exact_backward(chunk, dy, x, dx):
    real = x.dtype.type
    xs, dxs = x[chunk * CHUNK : (chunk + 1) * CHUNK], dx[chunk * CHUNK : (chunk + 1) * CHUNK]
    copy_into(dxs, dy[chunk * CHUNK : (chunk + 1) * CHUNK])
    for i in range(xs.size):
        bell = _bell(xs[i])
        dxs[i] *= _phi(xs[i], bell) + xs[i] * bell * real(DENSITY)


def gelu_forward(x: Array, approximate: str, y: Array) -> None:
    """Write GELU of x (...) to y (...), C-contiguous."""
    run = _tanh_forward if approximate == "tanh" else _exact_forward
    run(-(-x.size // CHUNK), np.ascontiguousarray(x).reshape(-1), y.reshape(-1))


def gelu_backward(dy: Array, x: Array, approximate: str, dx: Array) -> None:
    """Write the gradient with respect to x (...) to dx (...), C-contiguous, which may be dy."""
    run = _tanh_backward if approximate == "tanh" else _exact_backward
    flat_dy, flat_x = np.ascontiguousarray(dy).reshape(-1), np.ascontiguousarray(x).reshape(-1)
    run(-(-x.size // CHUNK), flat_dy, flat_x, dx.reshape(-1))
