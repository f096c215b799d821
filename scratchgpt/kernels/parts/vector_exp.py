"""The exponential of a vector in LLVM IR."""

import math
from typing import Any

import numpy as np
from llvmlite import ir

from scratchgpt.kernels.parts.tile import Numbers

# x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite 1980), and e^x = 2^n e^r. n times the first
# part of ln 2 is exact. e^r is its Taylor polynomial, with a remainder below the rounding error.
_LN2 = {
    4: (0.693359375, -2.12194440054690583e-4),
    8: (6.93147180369123816490e-1, 1.90821492927058770002e-10),
}
_DEGREE = {4: 7, 8: 13}
_EXPONENT = {4: (127, 23), 8: (1023, 52)}  # exponent bias, and position of its bits
_LOWEST = {4: -88.0, 8: -709.0}  # 2^n is practically 0 there


def vector_exp(builder: Any, numbers: Numbers, x: Any) -> Any:
    """Return e to the x, for x at most about 0; NaN is kept."""
    item, lanes = numbers.itemsize, numbers.lanes

    def constant(value: float) -> Any:
        return ir.Constant(numbers.vector, [float(np.dtype(f"f{item}").type(value))] * lanes)

    lowest = constant(_LOWEST[item])
    x = builder.select(builder.fcmp_ordered("<", x, lowest), lowest, x)
    n = numbers.call(builder, "rint", builder.fmul(x, constant(math.log2(math.e))))
    r = x
    for part in _LN2[item]:
        r = numbers.call(builder, "fma", n, constant(-part), r)
    p = constant(1 / math.factorial(_DEGREE[item]))
    for i in range(_DEGREE[item] - 1, -1, -1):
        p = numbers.call(builder, "fma", p, r, constant(1 / math.factorial(i)))
    integer = ir.IntType(8 * item)
    whole = ir.VectorType(integer, lanes)
    bias, shift = (ir.Constant(whole, [value] * lanes) for value in _EXPONENT[item])
    exponent = builder.add(builder.fptosi(n, whole), bias)
    return builder.fmul(p, builder.bitcast(builder.shl(exponent, shift), numbers.vector))
