"""Dropout with its mask computed where it is needed; see :mod:`scratchgpt.ops.dropout`."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.addresses import bring
from scratchgpt.kernels.jit import CHUNK, inner
from scratchgpt.kernels.parallel import kernel

U = np.uint64
GOLDEN, MIX_1, MIX_2 = U(0x9E3779B97F4A7C15), U(0xBF58476D1CE4E5B9), U(0x94D049BB133111EB)
LOWER_HALF = U(0xFFFFFFFF)


@inner
def random_bits(seed, i):
    """Output i of splitmix64 from state ``seed``: 64 bits that decide two elements."""
    z = seed + i * GOLDEN
    z = (z ^ (z >> U(30))) * MIX_1
    z = (z ^ (z >> U(27))) * MIX_2
    return z ^ (z >> U(31))


@kernel
def _dropout(chunk, x, y, seed, threshold, scale):
    zero = x.dtype.type(0)
    ys = y[chunk * CHUNK : (chunk + 1) * CHUNK]
    bring(x[chunk * CHUNK : (chunk + 1) * CHUNK], ys)
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
    """Write x (...) with its dropped elements 0 and the others scaled to y (...), C-contiguous."""
    _dropout(
        -(-x.size // CHUNK),
        np.ascontiguousarray(x).reshape(-1),
        y.reshape(-1),
        U(seed & 0xFFFFFFFFFFFFFFFF),
        U(round(p * 2**32)),
        x.dtype.type(1 / (1 - p)),
    )
