"""Two functions in LLVM IR: a tile of a matrix product, and the transpose of a small block.

They use LLVM vectors of float32 or float64, as wide as the registers of the CPU
(:mod:`scratchgpt.kernels.compiler.cpu`). Matrices are addresses and strides in bytes, all int64.
The first argument is an array whose dtype is the type of the numbers; its contents are not used.
uint32 stands for pairs of bfloat16 (:mod:`scratchgpt.kernels.parts.bfloat16`), whose products are
summed in float32.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchgpt.kernels.compiler.cpu import TILE_ROWS, VECTOR_BYTES
from scratchgpt.kernels.compiler.llvm import call

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)


def lanes(itemsize: int) -> int:
    """Return the number of elements in a vector."""
    return VECTOR_BYTES // itemsize


class Numbers:
    """Vectors of one number type, with their load, store and arithmetic instructions."""

    def __init__(self, dtype: Any) -> None:
        self.itemsize = dtype.bitwidth // 8
        self.lanes = lanes(self.itemsize)
        self.scalar = ir.FloatType() if self.itemsize == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.scalar, self.lanes)

    def load(self, builder: Any, address: Any) -> Any:
        pointer = builder.inttoptr(address, self.vector.as_pointer())
        return builder.load(pointer, align=self.itemsize)

    def store(self, builder: Any, value: Any, address: Any) -> None:
        pointer = builder.inttoptr(address, self.vector.as_pointer())
        builder.store(value, pointer, align=self.itemsize)

    def broadcast(self, builder: Any, address: Any) -> Any:
        """Load the number at an address into all lanes."""
        return self.splat(
            builder, builder.load(builder.inttoptr(address, self.scalar.as_pointer()))
        )

    def call(self, builder: Any, name: str, *arguments: Any) -> Any:
        """Call an LLVM intrinsic on vectors, such as ``fma``: a b + c, rounded once."""
        name = f"llvm.{name}.v{self.lanes}f{8 * self.itemsize}"
        return call(builder, name, self.vector, *arguments)

    def multiply_add(self, builder: Any, a: Any, b: Any, total: Any) -> Any:
        """Return total + a b."""
        return self.call(builder, "fma", a, b, total)

    def splat(self, builder: Any, scalar: Any) -> Any:
        """Copy a number to all lanes."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = builder.insert_element(undefined, scalar, ir.Constant(_INT32, 0))
        return builder.shuffle_vector(
            first, undefined, ir.Constant(ir.VectorType(_INT32, self.lanes), [0] * self.lanes)
        )


class BFloat16(ir.Type):
    """The LLVM type bfloat, which llvmlite does not define."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloat16)

    def __hash__(self) -> int:
        return hash(BFloat16)


class Pairs(Numbers):
    """Vectors of pairs of bfloat16, loaded and stored like float32, with sums in float32."""

    def multiply_add(self, builder: Any, a: Any, b: Any, total: Any) -> Any:
        """Return total plus the products of both halves of the pairs."""
        halves = ir.VectorType(BFloat16(), 2 * self.lanes)
        a, b = builder.bitcast(a, halves), builder.bitcast(b, halves)
        return call(builder, "llvm.x86.avx512bf16.dpbf16ps.512", self.vector, total, a, b)


def numbers_of(dtype: Any) -> Numbers:
    return Pairs(dtype) if dtype == types.uint32 else Numbers(dtype)


def _steps(builder: Any, address: Any, stride: Any, n: int) -> list[Any]:
    """Return the addresses of n rows."""
    return [builder.add(address, builder.mul(stride, ir.Constant(_INT64, i))) for i in range(n)]


def _tile(n_vectors: int) -> Any:
    """Return an intrinsic for a tile that is ``n_vectors`` wide."""

    @intrinsic
    def tile(typing_context, like, a, a_row, a_column, b, b_row, c, c_row, n_sum, start, start_row):
        """Compute C = S + A B with A (rows, n), B (n, columns), n at least 1.

        The rows of B, C and S are contiguous. S is at the address ``start``; 0 means no S. A row
        stride of 0 uses the same row of S for all of C.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _, a, a_row, a_column, b, b_row, c, c_row, n_sum, start, start_row = arguments
            numbers = numbers_of(signature.args[0].dtype)
            offsets = [ir.Constant(_INT64, VECTOR_BYTES * i) for i in range(n_vectors)]
            a_rows = _steps(builder, a, a_row, TILE_ROWS)

            before = builder.block
            given = builder.append_basic_block("tile.given")
            loop = builder.append_basic_block("tile.loop")
            done = builder.append_basic_block("tile.done")
            builder.cbranch(builder.icmp_signed("!=", start, ir.Constant(_INT64, 0)), given, loop)
            builder.position_at_end(given)
            starts = [
                numbers.load(builder, builder.add(row, offset))
                for row in _steps(builder, start, start_row, TILE_ROWS)
                for offset in offsets
            ]
            builder.branch(loop)

            builder.position_at_end(loop)

            def phi(first: Any, other: Any) -> Any:
                node = builder.phi(first.type)
                node.add_incoming(first, before)
                node.add_incoming(other, given)
                return node

            zero = ir.Constant(numbers.vector, [0.0] * numbers.lanes)
            step, b_now = phi(ir.Constant(_INT64, 0), ir.Constant(_INT64, 0)), phi(b, b)
            moved = phi(ir.Constant(_INT64, 0), ir.Constant(_INT64, 0))
            sums = [phi(zero, value) for value in starts]
            vectors = [numbers.load(builder, builder.add(b_now, offset)) for offset in offsets]
            factors = [numbers.broadcast(builder, builder.add(row, moved)) for row in a_rows]
            new = [
                numbers.multiply_add(
                    builder, factors[i // n_vectors], vectors[i % n_vectors], total
                )
                for i, total in enumerate(sums)
            ]
            next_step = builder.add(step, ir.Constant(_INT64, 1))
            step.add_incoming(next_step, loop)
            b_now.add_incoming(builder.add(b_now, b_row), loop)
            moved.add_incoming(builder.add(moved, a_column), loop)
            for node, total in zip(sums, new, strict=True):
                node.add_incoming(total, loop)
            builder.cbranch(builder.icmp_signed("<", next_step, n_sum), loop, done)

            builder.position_at_end(done)
            c_rows = _steps(builder, c, c_row, TILE_ROWS)
            for i, total in enumerate(new):
                numbers.store(
                    builder, total, builder.add(c_rows[i // n_vectors], offsets[i % n_vectors])
                )
            return context.get_dummy_value()

        return types.void(like, *[types.int64] * 10), generate

    return tile


tile, half_tile = _tile(2), _tile(1)


@intrinsic
def transpose_block(typing_context, like, source, source_row, target, target_row):
    """Write the transpose of a square block that is one vector wide.

    Step by step, rows that are 1, 2, 4, ... apart swap their off-diagonal blocks.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, source, source_row, target, target_row = arguments
        numbers = Numbers(signature.args[0].dtype)
        n = numbers.lanes
        rows = [numbers.load(builder, at) for at in _steps(builder, source, source_row, n)]
        indices = ir.VectorType(_INT32, n)
        distance = 1
        while distance < n:
            upper = [i if not i & distance else n + i - distance for i in range(n)]
            lower = [i + distance if not i & distance else n + i for i in range(n)]
            for i in range(n):
                if not i & distance:
                    first, second = rows[i], rows[i + distance]
                    rows[i] = builder.shuffle_vector(first, second, ir.Constant(indices, upper))
                    rows[i + distance] = builder.shuffle_vector(
                        first, second, ir.Constant(indices, lower)
                    )
            distance *= 2
        for row, at in zip(rows, _steps(builder, target, target_row, n), strict=True):
            numbers.store(builder, row, at)
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 4), generate
