"""Random bits for dropout: splitmix64, see :mod:`scratchgpt.ops.dropout`."""

import numpy as np

from scratchgpt.kernels.compiler.jit import inner

U = np.uint64
GOLDEN, MIX_1, MIX_2 = U(0x9E3779B97F4A7C15), U(0xBF58476D1CE4E5B9), U(0x94D049BB133111EB)
LOWER_HALF = U(0xFFFFFFFF)


@inner
def random_bits(seed, i):
    """Return output i of splitmix64 from state ``seed``: 64 bits, for two elements."""
    z = seed + i * GOLDEN
    z = (z ^ (z >> U(30))) * MIX_1
    z = (z ^ (z >> U(27))) * MIX_2
    return z ^ (z >> U(31))
