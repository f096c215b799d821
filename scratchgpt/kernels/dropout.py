"""Dropout with a mask that is computed on the fly; see :mod:`scratchgpt.ops.dropout`."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import copy_into
from scratchgpt.kernels.compiler.jit import CHUNK
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.random_bits import LOWER_HALF, U, random_bits


@kernel
def _dropout(chunk, x, y, seed, threshold, scale):
    zero = x.dtype.type(0)
    ys = y[chunk * CHUNK : (chunk + 1) * CHUNK]
    copy_into(ys, x[chunk * CHUNK : (chunk + 1) * CHUNK])
    first = U(chunk * (CHUNK // 2) + 1)
    for pair in range(ys.size // 2):
        bits = random_bits(seed, first + U(pair))
        ys[2 * pair] = ys[2 * pair] * scale if bits & LOWER_HALF >= threshold else zero
        ys[2 * pair + 1] = ys[2 * pair + 1] * scale if bits >> U(32) >= threshold else zero
    if ys.size % 2:
        bits = random_bits(seed, first + U(ys.size // 2))
        last = ys.size - 1
        ys[last] = ys[last] * scale if bits & LOWER_HALF >= threshold else zero


def dropout(x: Array, p: float, seed: int, y: Array) -> None:
    """Write x (...) to y (...), C-contiguous, with dropped elements 0 and the others scaled."""
    _dropout(
        -(-x.size // CHUNK),
        np.ascontiguousarray(x).reshape(-1),
        y.reshape(-1),
        U(seed & 0xFFFFFFFFFFFFFFFF),
        U(round(p * 2**32)),
        x.dtype.type(1 / (1 - p)),
    )
