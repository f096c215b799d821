"""The hyperbolic tangent in float32 as plain arithmetic that LLVM can vectorize.

tanh x = E / (E + 2) with E = e^2x - 1. With the reduction and the polynomial of :mod:`fast_math`,
e^2x = 2^n (1 + r + r² p(r)), so E = 2^n (r + r² p(r)) + (2^n - 1). This keeps the digits of a small
x, for which n = 0.
"""

import numpy as np

from scratchgpt.kernels.compiler.jit import inner
from scratchgpt.kernels.parts.fast_math import (
    LN2_HIGH,
    LN2_LOW,
    LOG2_E,
    ONE,
    P0,
    P1,
    P2,
    P3,
    P4,
    P5,
    F,
    float_of_bits,
    nearest,
)

LARGEST = F(20)  # in float32, tanh(10) is 1
TWO = F(2)


@inner
def tanh(x):
    """Return tanh(x) of a number in float32, with a relative error of about 2e-7."""
    twice = x + x
    # With the comparisons in this order, NaN is kept.
    twice = -LARGEST if twice < -LARGEST else twice
    twice = LARGEST if twice > LARGEST else twice
    n = nearest(twice * LOG2_E)
    r = twice - n * LN2_HIGH
    r = r - n * LN2_LOW
    p = P5
    p = p * r + P4
    p = p * r + P3
    p = p * r + P2
    p = p * r + P1
    p = p * r + P0
    power = float_of_bits(np.int32((np.int32(n) + 127) << 23))
    e = (p * r * r + r) * power + (power - ONE)
    return e / (e + TWO)
