"""Dequantization of int8 weights to float32, for products with more than a few rows."""

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.fast_math import F


@kernel
def _dequantize(i, weight, scale, value):
    row, out, factor = weight[i], value[i], scale[i]
    for j in range(row.size):
        out[j] = F(row[j]) * factor


def dequantize(weight: Array, scale: Array, value: Array) -> None:
    """Write weight (n, m) times scale (n,), row by row, to value (n, m), C-contiguous float32."""
    _dequantize(len(weight), weight, scale, value)
