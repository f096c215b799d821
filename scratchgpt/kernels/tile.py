"""Two pieces of LLVM: a tile of a matrix product in registers, and the transpose of a small block.

The vectors are LLVM's own, of 16 float32, whatever the CPU: one register with AVX-512, two with
AVX2, four with NEON. A tile of 8 rows and 2 vectors has 16 sums in flight, enough to keep the
units for multiply-add of one core busy without a pause.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDTH = 16  # float32 in a vector
ROWS, COLUMNS = 8, 2 * WIDTH  # of a tile
ITEM = 4  # bytes of a float32

_FLOAT, _INT32, _INT64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_FLOAT, WIDTH)


def _load(builder: Any, address: Any) -> Any:
    return builder.load(builder.inttoptr(address, _VECTOR.as_pointer()), align=ITEM)


def _store(builder: Any, value: Any, address: Any) -> None:
    builder.store(value, builder.inttoptr(address, _VECTOR.as_pointer()), align=ITEM)


def _offset(builder: Any, stride: Any, count: int) -> Any:
    """Bytes of ``count`` strides that are given in elements."""
    return builder.mul(stride, ir.Constant(_INT64, count * ITEM))


def _broadcast(builder: Any, scalar: Any) -> Any:
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(
        first, undefined, ir.Constant(ir.VectorType(_INT32, WIDTH), [0] * WIDTH)
    )


@intrinsic
def tile(typing_context, a, a_row, a_column, b, b_row, c, c_row, n_sum, add):
    """C (8, 32) = A (8, n) B (n, 32), or += where ``add`` is not 0; n at least 1.

    Addresses, and strides in elements, as int64. The rows of B and C are contiguous.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, a_row, a_column, b, b_row, c, c_row, n_sum, add = arguments
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fma.v{WIDTH}f32"
        )
        cells = [(i, j) for i in range(ROWS) for j in range(COLUMNS // WIDTH)]
        a_rows = [builder.add(a, _offset(builder, a_row, i)) for i in range(ROWS)]
        targets = [
            builder.add(
                builder.add(c, _offset(builder, c_row, i)), ir.Constant(_INT64, j * WIDTH * ITEM)
            )
            for i, j in cells
        ]
        zero = ir.Constant(_VECTOR, [0.0] * WIDTH)
        before = builder.block
        old = builder.append_basic_block("tile.old")
        loop = builder.append_basic_block("tile.loop")
        done = builder.append_basic_block("tile.done")
        builder.cbranch(builder.icmp_signed("!=", add, ir.Constant(_INT64, 0)), old, loop)
        builder.position_at_end(old)
        olds = [_load(builder, target) for target in targets]
        builder.branch(loop)

        builder.position_at_end(loop)

        def counter(first: Any) -> Any:
            phi = builder.phi(_INT64)
            phi.add_incoming(first, before)
            phi.add_incoming(first, old)
            return phi

        step, b_now, a_now = counter(ir.Constant(_INT64, 0)), counter(b), counter(a_rows[0])
        sums = []
        for previous in olds:
            phi = builder.phi(_VECTOR)
            phi.add_incoming(zero, before)
            phi.add_incoming(previous, old)
            sums.append(phi)
        vectors = [
            _load(builder, builder.add(b_now, ir.Constant(_INT64, j * WIDTH * ITEM)))
            for j in range(COLUMNS // WIDTH)
        ]
        moved = builder.sub(a_now, a_rows[0])
        scalars = [
            _broadcast(
                builder,
                builder.load(builder.inttoptr(builder.add(row, moved), _FLOAT.as_pointer())),
            )
            for row in a_rows
        ]
        new = [
            builder.call(fma, [scalars[i], vectors[j], total])
            for (i, j), total in zip(cells, sums, strict=True)
        ]
        next_step = builder.add(step, ir.Constant(_INT64, 1))
        step.add_incoming(next_step, loop)
        b_now.add_incoming(builder.add(b_now, _offset(builder, b_row, 1)), loop)
        a_now.add_incoming(builder.add(a_now, _offset(builder, a_column, 1)), loop)
        for phi, total in zip(sums, new, strict=True):
            phi.add_incoming(total, loop)
        builder.cbranch(builder.icmp_signed("<", next_step, n_sum), loop, done)

        builder.position_at_end(done)
        for total, target in zip(new, targets, strict=True):
            _store(builder, total, target)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 9), generate


@intrinsic
def transpose_block(typing_context, source, source_row, target, target_row):
    """Write the transpose of a block (16, 16); addresses, and strides in elements, as int64.

    By halves: rows that are 1, 2, 4 and 8 apart swap the blocks beside their diagonal.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, source_row, target, target_row = arguments
        rows = [
            _load(builder, builder.add(source, _offset(builder, source_row, i)))
            for i in range(WIDTH)
        ]
        lanes = range(WIDTH)
        indices = ir.VectorType(_INT32, WIDTH)
        for distance in (1, 2, 4, 8):
            upper = [i if not i & distance else WIDTH + i - distance for i in lanes]
            lower = [i + distance if not i & distance else WIDTH + i for i in lanes]
            for i in lanes:
                if not i & distance:
                    first, second = rows[i], rows[i + distance]
                    rows[i] = builder.shuffle_vector(first, second, ir.Constant(indices, upper))
                    rows[i + distance] = builder.shuffle_vector(
                        first, second, ir.Constant(indices, lower)
                    )
        for i, row in enumerate(rows):
            _store(builder, row, builder.add(target, _offset(builder, target_row, i)))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), generate
