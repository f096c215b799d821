"""Dot products with rows of int8 weights, with a special CPU instruction if there is one.

Converting each weight to float32 and multiplying takes several times as many instructions as memory
bandwidth leaves time for. AVX-512 VNNI multiplies 32 pairs of int16 and adds them in int32, in one
instruction. Therefore the inputs are rounded to int16 with one scale for all. The rounding error is
at most 1/65,000 of the largest input, far below that of the weights. The sums are exact.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.compiler.llvm import alloca_once_value, call, for_range
from scratchgpt.kernels.parts.fast_math import ZERO, F, float_of_bits, nearest

HIGHEST = F(32767)
WITHOUT_SIGN = np.int32(0x7FFFFFFF)
PAIRS = 32  # pairs that one instruction multiplies
SIDE = 4  # size of a tile: rows of weights, and inputs, that are multiplied at once
MULTIPLY_ADD, ADD_UP = "llvm.x86.avx512.vpdpwssd.512", "llvm.vector.reduce.add.v16i64"
CHAINS = 4  # independent sums for one row and one input
EXACT = 8192  # products that 16 int32 sums can hold without overflow, whatever the factors


def _dots(n_rows: int, n_inputs: int, n_chains: int) -> Any:
    """Return an intrinsic that multiplies ``n_rows`` rows of int8 with ``n_inputs`` rows of int16.

    A row of weights is converted to int16 once for all inputs.
    """

    @intrinsic
    def dots(typing_context, rows, row_stride, n_vectors, x, x_stride, y, y_row, y_input):
        """Add the products of ``n_vectors`` times 32 elements to the float32 numbers at y.

        In y, the sums of two rows are ``y_row`` bytes apart, and those of two inputs ``y_input``
        bytes.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows, row_stride, n_vectors, x, x_stride, y, y_row, y_input = arguments
            int64, float32 = ir.IntType(64), ir.FloatType()
            sums, wide = ir.VectorType(ir.IntType(32), 16), ir.VectorType(int64, 16)
            bytes_, words = (ir.VectorType(ir.IntType(n), PAIRS) for n in (8, 16))

            def at(address: Any, step: Any, stride: Any, kind: Any) -> Any:
                step, stride = (
                    ir.Constant(int64, n) if isinstance(n, int) else n for n in (step, stride)
                )
                place = builder.add(address, builder.mul(step, stride))
                return builder.inttoptr(place, kind.as_pointer()) if kind else place

            zero = ir.Constant(sums, [0] * 16)
            totals = [
                [
                    [alloca_once_value(builder, zero) for _ in range(n_chains)]
                    for _ in range(n_inputs)
                ]
                for _ in range(n_rows)
            ]

            def multiply(vector: Any, chain: int) -> None:
                inputs = [
                    builder.load(at(at(x, k, x_stride, None), vector, 2 * PAIRS, sums), align=1)
                    for k in range(n_inputs)
                ]
                for i in range(n_rows):
                    row = at(rows, i, row_stride, None)
                    eight = builder.load(at(row, vector, PAIRS, bytes_), align=1)
                    weights = builder.bitcast(builder.sext(eight, words), sums)
                    for k in range(n_inputs):
                        total = totals[i][k][chain]
                        factors = builder.load(total), weights, inputs[k]
                        builder.store(call(builder, MULTIPLY_ADD, sums, *factors), total)

            chains = ir.Constant(int64, n_chains)
            n_rounds = builder.udiv(n_vectors, chains)
            with for_range(builder, n_rounds) as loop:
                for chain in range(n_chains):
                    first = builder.mul(loop.index, chains)
                    multiply(builder.add(first, ir.Constant(int64, chain)), chain)
            if n_chains > 1:
                n_done = builder.mul(n_rounds, chains)
                with for_range(builder, builder.sub(n_vectors, n_done)) as loop:
                    multiply(builder.add(n_done, loop.index), 0)
            for i in range(n_rows):
                for k in range(n_inputs):
                    total, *others = [builder.load(chain) for chain in totals[i][k]]
                    for other in others:
                        total = builder.add(total, other)
                    exact = call(builder, ADD_UP, int64, builder.sext(total, wide))
                    pointer = at(at(y, i, y_row, None), k, y_input, float32)
                    so_far = builder.load(pointer)
                    builder.store(builder.fadd(so_far, builder.sitofp(exact, float32)), pointer)
            return context.get_dummy_value()

        return types.void(*(types.int64,) * 8), generate

    return dots


_dots_of_one, _dots_of_four = _dots(1, 1, CHAINS), _dots(SIDE, SIDE, 1)
_dots_of_two, _dots_of_three = _dots(SIDE, 2, 1), _dots(SIDE, 3, 1)


@part
def round_inputs(x, rounded):
    """Round x (n,) to int16; return the scale, which is the value of one unit."""
    bits, highest_bits = x.view(np.int32), np.int32(0)
    for j in range(x.size):
        # Absolute values sort like their bits, and NaN sorts last, so that NaN is kept.
        highest_bits = max(highest_bits, np.int32(bits[j] & WITHOUT_SIGN))
    highest = float_of_bits(highest_bits)
    unit = highest / HIGHEST
    # Otherwise all inputs are 0, or one is NaN.
    inverse = HIGHEST / highest if highest > ZERO else ZERO
    for j in range(x.size):
        rounded[j] = np.int16(nearest(x[j] * inverse))
    return unit


@part
def int8_dots(rows, rounded, y):
    """Compute y (R, m) = inputs as int16 (R, n) times rows of int8 weights (m, n)."""
    n_rows, n, n_inputs = rows.shape[0], rows.shape[1], rounded.shape[0]
    row_stride, x_stride, (y_input, y_row) = rows.strides[0], rounded.strides[0], y.strides
    for r in range(n_inputs):
        for i in range(n_rows):
            y[r, i] = ZERO
    for first in range(0, n, EXACT):
        stop = min(first + EXACT, n)
        n_vectors = (stop - first) // PAIRS
        for few in range(0, n_rows, SIDE):
            n_few, row = min(SIDE, n_rows - few), rows.ctypes.data + few * row_stride + first
            for r in range(0, n_inputs, SIDE):
                n_side, x = min(SIDE, n_inputs - r), rounded.ctypes.data + r * x_stride + 2 * first
                sums = y.ctypes.data + few * y_row + r * y_input
                # Up to four inputs are limited by memory, which reads one row faster than four.
                if n_few < SIDE or n_side == 1 or n_inputs <= SIDE:
                    for k in range(n_side):
                        for i in range(n_few):
                            a, b, at = (
                                row + i * row_stride,
                                x + k * x_stride,
                                i * y_row + k * y_input,
                            )
                            _dots_of_one(a, 0, n_vectors, b, 0, sums + at, 0, 0)
                elif n_side == SIDE:
                    _dots_of_four(row, row_stride, n_vectors, x, x_stride, sums, y_row, y_input)
                elif n_side == 3:
                    _dots_of_three(row, row_stride, n_vectors, x, x_stride, sums, y_row, y_input)
                else:
                    _dots_of_two(row, row_stride, n_vectors, x, x_stride, sums, y_row, y_input)
        for j in range(first + n_vectors * PAIRS, stop):
            for r in range(n_inputs):
                for i in range(n_rows):
                    y[r, i] += F(np.int32(rows[i, j]) * np.int32(rounded[r, j]))
