"""Dot products of rows of int8 weights, with the CPU's own instruction for it where it has one.

To widen each weight to float32 and multiply takes several times the instructions that memory
leaves time for. AVX-512 VNNI multiplies 32 pairs of int16 and adds them up in int32, in one
instruction. So the inputs are rounded to int16 with one scale for all, an error of at most a
65,000th of the largest of them, far below that of the weights; the sums are exact.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from scratchgpt.kernels.fast_math import ZERO, F
from scratchgpt.kernels.jit import part

HIGHEST = F(32767)
PAIRS = 32  # that one instruction multiplies
EXACT = 8192  # products of which each of the 16 sums holds its share, whatever they are


@intrinsic
def _dot_of_vectors(typing_context, row, x, n_vectors):
    """Sum of the products of int8 and int16 at two addresses, ``n_vectors`` times 32 of them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        row, x, n_vectors = arguments
        int64, sums = ir.IntType(64), ir.VectorType(ir.IntType(32), 16)
        bytes_, words = (ir.VectorType(ir.IntType(n), PAIRS) for n in (8, 16))
        multiply_add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(sums, [sums] * 3), "llvm.x86.avx512.vpdpwssd.512"
        )
        wide = ir.VectorType(int64, 16)
        add_up = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(int64, [wide]), "llvm.vector.reduce.add.v16i64"
        )

        def load(address: Any, step: Any, kind: Any, n_bytes: int) -> Any:
            at = builder.add(address, builder.mul(step, ir.Constant(int64, n_bytes)))
            return builder.load(builder.inttoptr(at, kind.as_pointer()), align=1)

        total = cgutils.alloca_once_value(builder, ir.Constant(sums, [0] * 16))
        with cgutils.for_range(builder, n_vectors) as loop:
            weights = builder.sext(load(row, loop.index, bytes_, PAIRS), words)
            inputs = load(x, loop.index, sums, 2 * PAIRS)
            old = builder.load(total)
            new = builder.call(multiply_add, [old, builder.bitcast(weights, sums), inputs])
            builder.store(new, total)
        return builder.call(add_up, [builder.sext(builder.load(total), wide)])

    return types.int64(types.int64, types.int64, types.int64), generate


@part
def round_inputs(x, rounded):
    """x (n,) to int16; returns what one of its units stands for."""
    highest = ZERO
    for j in range(x.size):
        highest = max(highest, abs(x[j]))
    unit = highest / HIGHEST
    inverse = HIGHEST / highest if highest > ZERO else ZERO
    for j in range(x.size):
        rounded[j] = np.int16(np.rint(x[j] * inverse))
    return unit


@part
def int8_dot(row, rounded):
    """Sum of the products of a row of int8 and the inputs as int16."""
    total = ZERO
    for first in range(0, row.size, EXACT):
        n = min(EXACT, row.size - first)
        n_vectors = n // PAIRS
        if n_vectors:
            total += F(
                _dot_of_vectors(row.ctypes.data + first, rounded.ctypes.data + 2 * first, n_vectors)
            )
        for j in range(first + n_vectors * PAIRS, first + n):
            total += F(np.int32(row[j]) * np.int32(rounded[j]))
    return total
