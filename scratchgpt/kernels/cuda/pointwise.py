"""CUDA kernels that compute each element alone: GELU and dropout."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.cuda.launch import by_element


def gelu_forward(x: Array, approximate: str, y: Array) -> None:
    """Write the GELU of x to y."""
    by_element("gelu_forward", x, x, y, np.int64(x.size), np.int32(approximate == "tanh"))


def gelu_backward(dy: Array, x: Array, approximate: str, dx: Array) -> None:
    """Write the gradient of the GELU to dx, which may be dy."""
    by_element("gelu_backward", x, dy, x, dx, np.int64(x.size), np.int32(approximate == "tanh"))


def dropout(x: Array, p: float, seed: int, out: Array) -> None:
    """Write dropout of x to ``out``, which may be x; p is less than 1."""
    threshold, bits = np.uint64(round(p * 2**32)), np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
    scale = x.dtype.type(1 / (1 - p))
    by_element("dropout", x, x, out, np.int64(x.size), threshold, bits, scale)
