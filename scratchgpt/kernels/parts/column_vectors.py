"""Softmax down the columns of a matrix, written in LLVM IR.

There is a column for each query. An operation on a row is vectorized over the queries, and no sum
runs across a vector. Addresses and strides are in bytes; the width of a row is the stride.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchgpt.kernels.compiler.cpu import VECTOR_BYTES
from scratchgpt.kernels.compiler.llvm import alloca_once, for_range
from scratchgpt.kernels.parts.tile import Numbers
from scratchgpt.kernels.parts.vector_exp import vector_exp

SIDE_BY_SIDE = 2  # vectors at a time, so that their instructions overlap
WIDTH = SIDE_BY_SIDE * VECTOR_BYTES


class _Columns:
    """Loops over the columns of a matrix, a few vectors at a time."""

    def __init__(self, builder: Any, like: Any, row: Any) -> None:
        self.builder = builder
        self.numbers = Numbers(like.dtype)
        self.row = row

    def int64(self, value: int) -> Any:
        return ir.Constant(ir.IntType(64), value)

    @contextmanager
    def blocks(self) -> Iterator[Callable[[Any, int], Any]]:
        """Iterate over blocks of columns; each gives a function for the address of vector i."""
        builder = self.builder
        n_blocks = builder.udiv(self.row, self.int64(WIDTH))
        with for_range(builder, n_blocks) as block:
            offset = builder.mul(block.index, self.int64(WIDTH))

            def at(address: Any, i: int) -> Any:
                moved = builder.add(offset, self.int64(i * VECTOR_BYTES))
                return builder.add(address, moved)

            yield at

    @contextmanager
    def rows(self, n_rows: Any) -> Iterator[Any]:
        """Iterate over rows; each gives its distance from the first row in bytes."""
        with for_range(self.builder, n_rows) as loop:
            yield self.builder.mul(loop.index, self.row)

    def variables(self, first: Any) -> list[Any]:
        """Return variables that stay in registers from row to row."""
        made = [alloca_once(self.builder, self.numbers.vector) for _ in range(SIDE_BY_SIDE)]
        for variable in made:
            self.builder.store(first, variable)
        return made


@intrinsic
def column_highest(typing_context, like, scores, n_rows, row, highest):
    """Write the maximum of each column, ignoring NaN, which the exponential passes on later."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, scores, n_rows, row, highest = arguments
        columns = _Columns(builder, like, row)
        numbers = columns.numbers
        lowest = ir.Constant(numbers.vector, [float(np.finfo(np.float32).min)] * numbers.lanes)
        with columns.blocks() as at:
            best = columns.variables(lowest)
            with columns.rows(n_rows) as distance:
                for i, variable in enumerate(best):
                    x = numbers.load(builder, builder.add(at(scores, i), distance))
                    old = builder.load(variable)
                    builder.store(
                        builder.select(builder.fcmp_ordered(">", x, old), x, old), variable
                    )
            for i, variable in enumerate(best):
                numbers.store(builder, builder.load(variable), at(highest, i))
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 4), generate


@intrinsic
def column_exponentials(typing_context, like, scores, n_rows, row, scale, highest, totals):
    """Replace scores by e^(scale (score - maximum of the column)); write the column totals."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, scores, n_rows, row, scale, highest, totals = arguments
        columns = _Columns(builder, like, row)
        numbers = columns.numbers
        factor = numbers.splat(builder, scale)
        with columns.blocks() as at:
            sums = columns.variables(ir.Constant(numbers.vector, [0.0] * numbers.lanes))
            best = [numbers.load(builder, at(highest, i)) for i in range(SIDE_BY_SIDE)]
            with columns.rows(n_rows) as distance:
                for i, variable in enumerate(sums):
                    place = builder.add(at(scores, i), distance)
                    x = builder.fsub(numbers.load(builder, place), best[i])
                    y = vector_exp(builder, numbers, builder.fmul(x, factor))
                    numbers.store(builder, y, place)
                    builder.store(builder.fadd(builder.load(variable), y), variable)
            for i, variable in enumerate(sums):
                numbers.store(builder, builder.load(variable), at(totals, i))
        return context.get_dummy_value()

    integer = types.int64
    types_ = (like, integer, integer, integer, like.dtype, integer, integer)
    return types.void(*types_), generate


@intrinsic
def column_gradient(typing_context, like, scores, d, n_rows, row, scale, log_total, along):
    """Replace scores by weights e^(scale score - log_total), and d by scale weight (d - along)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, scores, d, n_rows, row, scale, log_total, along = arguments
        columns = _Columns(builder, like, row)
        numbers = columns.numbers
        factor = numbers.splat(builder, scale)
        with columns.blocks() as at:
            logs, means = (
                [numbers.load(builder, at(address, i)) for i in range(SIDE_BY_SIDE)]
                for address in (log_total, along)
            )
            with columns.rows(n_rows) as distance:
                for i in range(SIDE_BY_SIDE):
                    place = builder.add(at(scores, i), distance)
                    d_place = builder.add(at(d, i), distance)
                    scaled = builder.fmul(numbers.load(builder, place), factor)
                    weight = vector_exp(builder, numbers, builder.fsub(scaled, logs[i]))
                    numbers.store(builder, weight, place)
                    gap = builder.fsub(numbers.load(builder, d_place), means[i])
                    dscore = builder.fmul(builder.fmul(weight, gap), factor)
                    numbers.store(builder, dscore, d_place)
        return context.get_dummy_value()

    integer = types.int64
    types_ = (like, integer, integer, integer, integer, like.dtype, integer, integer)
    return types.void(*types_), generate
