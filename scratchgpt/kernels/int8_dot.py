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
MANY = 4  # inputs that a row of weights is multiplied with at once
EXACT = 8192  # products of which each of the 16 sums holds its share, whatever they are


def _dots(n_inputs: int) -> Any:
    """An intrinsic: a row of int8 times ``n_inputs`` rows of int16 at once.

    A row of weights is widened once for all of them, and their sums do not wait for one another.
    """

    @intrinsic
    def dots(typing_context, row, n_vectors, x, x_stride, y, y_stride):
        """Add to the float32 numbers at y the products of ``n_vectors`` times 32 elements."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            row, n_vectors, x, x_stride, y, y_stride = arguments
            int64, float32 = ir.IntType(64), ir.FloatType()
            sums, wide = ir.VectorType(ir.IntType(32), 16), ir.VectorType(int64, 16)
            bytes_, words = (ir.VectorType(ir.IntType(n), PAIRS) for n in (8, 16))
            multiply_add, add_up = (
                cgutils.get_or_insert_function(builder.module, ir.FunctionType(*of), f"llvm.{name}")
                for name, of in (
                    ("x86.avx512.vpdpwssd.512", (sums, [sums] * 3)),
                    ("vector.reduce.add.v16i64", (int64, [wide])),
                )
            )

            def at(address: Any, step: Any, stride: Any, kind: Any) -> Any:
                stride = ir.Constant(int64, stride) if isinstance(stride, int) else stride
                place = builder.add(address, builder.mul(step, stride))
                return builder.inttoptr(place, kind.as_pointer())

            places = [ir.Constant(int64, i) for i in range(n_inputs)]
            starts = [builder.add(x, builder.mul(place, x_stride)) for place in places]
            totals = [
                cgutils.alloca_once_value(builder, ir.Constant(sums, [0] * 16)) for _ in places
            ]
            with cgutils.for_range(builder, n_vectors) as loop:
                eight = builder.load(at(row, loop.index, PAIRS, bytes_), align=1)
                weights = builder.bitcast(builder.sext(eight, words), sums)
                for start, total in zip(starts, totals, strict=True):
                    inputs = builder.load(at(start, loop.index, 2 * PAIRS, sums), align=1)
                    new = builder.call(multiply_add, [builder.load(total), weights, inputs])
                    builder.store(new, total)
            for place, total in zip(places, totals, strict=True):
                exact = builder.call(add_up, [builder.sext(builder.load(total), wide)])
                pointer = at(y, place, y_stride, float32)
                so_far = builder.load(pointer)
                builder.store(builder.fadd(so_far, builder.sitofp(exact, float32)), pointer)
            return context.get_dummy_value()

        return types.void(*(types.int64,) * 6), generate

    return dots


_dots_of_one, _dots_of_many = _dots(1), _dots(MANY)


@part
def round_inputs(x, rounded):
    """x (n,) to int16; returns what one of its units stands for."""
    highest = ZERO
    for j in range(x.size):
        highest = max(highest, abs(x[j]))
    for j in range(x.size):
        if x[j] != x[j]:  # not-a-number stays visible
            highest = x[j]
    unit = highest / HIGHEST
    inverse = HIGHEST / highest if highest > ZERO else ZERO  # nothing to scale in all other cases
    for j in range(x.size):
        rounded[j] = np.int16(np.rint(x[j] * inverse))
    return unit


@part
def int8_dots(row, rounded, y):
    """y (R,) = the sums of the products of a row of int8 (n,) and inputs as int16 (R, n)."""
    n_inputs, (x_stride, _) = rounded.shape[0], rounded.strides
    for r in range(n_inputs):
        y[r] = ZERO
    for first in range(0, row.size, EXACT):
        n = min(EXACT, row.size - first)
        n_vectors = n // PAIRS
        if n_vectors:
            weights, inputs = row.ctypes.data + first, rounded.ctypes.data + 2 * first
            sums, y_stride = y.ctypes.data, y.strides[0]
            n_many = n_inputs - n_inputs % MANY
            for r in range(0, n_many, MANY):
                x, out = inputs + r * x_stride, sums + r * y_stride
                _dots_of_many(weights, n_vectors, x, x_stride, out, y_stride)
            for r in range(n_many, n_inputs):
                x, out = inputs + r * x_stride, sums + r * y_stride
                _dots_of_one(weights, n_vectors, x, x_stride, out, y_stride)
        for j in range(first + n_vectors * PAIRS, first + n):
            for r in range(n_inputs):
                y[r] += F(np.int32(row[j]) * np.int32(rounded[r, j]))
