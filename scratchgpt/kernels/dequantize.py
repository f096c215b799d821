"""int8 weights back to float32, for products of more rows than a few."""

from numba import prange

from scratchgpt.backend import Array
from scratchgpt.kernels.fast_math import F
from scratchgpt.kernels.jit import kernel


@kernel
def _dequantize(weight, scale, value):
    for i in prange(weight.shape[0]):
        row, out, factor = weight[i], value[i], scale[i]
        for j in range(row.size):
            out[j] = F(row[j]) * factor


def dequantize(weight: Array, scale: Array, value: Array) -> None:
    """Write weight (n, m) times scale (n,), row by row, to value (n, m), C-contiguous float32."""
    _dequantize(weight, scale, value)
