"""The exponential as a polynomial: plain arithmetic that LLVM can vectorize.

``math.exp`` in a compiled loop is a call for each element, which is ten times slower. This version
uses the reduction of Cody and Waite (1980): x = n ln 2 + r with |r| <= ln 2 / 2, then
e^x = 2^n e^r, with e^r a polynomial 1 + r + r² p(r). In float32 it is Cephes' minimax polynomial,
with a relative error of about 1e-7. In float64, p is the Chebyshev interpolant of degree 9 with an
error of 2e-17; all errors together are at most 1.1 units in the last place.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from scratchgpt.kernels.compiler.jit import FAST

F = np.float32
ONE, ZERO = F(1), F(0)
LOG2_E = F(1.4426950408889634)
LN2_HIGH, LN2_LOW = F(0.693359375), F(-2.12194440e-4)  # n times the first is exact
LOWEST, HIGHEST = F(-88), F(89)  # 2^n is 0 at the first, infinite at the second
P5, P4, P3 = F(1.9875691500e-4), F(1.3981999507e-3), F(8.3334519073e-3)
P2, P1, P0 = F(4.1665795894e-2), F(1.6666665459e-1), F(5.0000001201e-1)


@intrinsic
def float_of_bits(typing_context: Any, bits: Any) -> Any:
    """Reinterpret the bits of an int32 as float32, or of an int64 as float64."""
    result = {types.int32: types.float32, types.int64: types.float64}[bits]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(result))

    return result(bits), generate


@intrinsic
def nearest(typing_context: Any, x: Any) -> Any:
    """Round to the nearest integer with one instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = builder.module.declare_intrinsic("llvm.rint", [arguments[0].type])
        return builder.call(function, arguments)

    return x(x), generate


def exp(x):
    """e to the x, in float32 or float64; compiled code uses one of the two overloads below.

    It underflows to 0 and overflows to infinity slightly early: below -87.7 and above 88.4 in
    float32, below -708.7 and above 709.4 in float64.
    """
    return np.exp(x)


@overload(exp, jit_options={"fastmath": FAST})
def _exp_in_float32(x):
    def exp(x):
        # With the comparison in this order, NaN is kept.
        x = LOWEST if x < LOWEST else x
        x = HIGHEST if x > HIGHEST else x
        n = nearest(x * LOG2_E)
        r = x - n * LN2_HIGH
        r = r - n * LN2_LOW
        p = P5
        p = p * r + P4
        p = p * r + P3
        p = p * r + P2
        p = p * r + P1
        p = p * r + P0
        p = p * r * r + r + ONE
        return p * float_of_bits(np.int32((np.int32(n) + 127) << 23))

    return exp if x == types.float32 else None


# Without FAST, which would allow another order of operations and lose the last two digits.
@overload(exp, jit_options={"fastmath": {"contract"}})
def _exp_in_float64(x):
    def exp(x):
        x = -709.0 if x < -709.0 else x
        x = 710.0 if x > 710.0 else x
        n = nearest(x * 1.4426950408889634)
        r = x - n * 0.6931471803691238  # exact: this ln 2 ends in 32 zero bits
        r = r - n * 1.9082149292705877e-10
        p = 2.510038549551032e-08
        p = p * r + 2.7620088445409746e-07
        p = p * r + 2.7557268459997064e-06
        p = p * r + 2.4801521295954376e-05
        p = p * r + 1.9841269863053618e-04
        p = p * r + 1.3888888917213717e-03
        p = p * r + 8.333333333330062e-03
        p = p * r + 4.166666666662413e-02
        p = p * r + 1.6666666666666669e-01
        p = p * r + 0.5000000000000001
        p = p * r * r + r + 1.0
        return p * float_of_bits(np.int64(np.int32(n) + 1023) << 52)

    return exp if x == types.float64 else None


def tanh(x):
    """The hyperbolic tangent, in float32 or float64; compiled code uses one of two overloads.

    tanh x = (1 - e) / (1 + e) with e = exp(-2x). Near 0, where 1 - e would lose digits, the Taylor
    series is used instead.
    """
    return np.tanh(x)


@overload(tanh, jit_options={"fastmath": FAST})
def _tanh_in_float32(x):
    def tanh(x):
        square, e = x * x, exp(F(-2) * abs(x))
        p = F(62 / 2835)
        p = p * square - F(17 / 315)
        p = p * square + F(2 / 15)
        p = p * square - F(1 / 3)
        far = (ONE - e) / (ONE + e)
        far = -far if x < ZERO else far
        return x + x * square * p if square < F(1 / 16) else far

    return tanh if x == types.float32 else None


@overload(tanh, jit_options={"fastmath": {"contract"}})
def _tanh_in_float64(x):
    def tanh(x):
        square, e = x * x, exp(-2.0 * abs(x))
        p = 62 / 2835
        p = p * square - 17 / 315
        p = p * square + 2 / 15
        p = p * square - 1 / 3
        far = (1.0 - e) / (1.0 + e)
        far = -far if x < 0.0 else far
        return x + x * square * p if square < 1e-3 else far

    return tanh if x == types.float64 else None
