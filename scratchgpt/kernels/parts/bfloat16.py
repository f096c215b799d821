"""Rounding of float32 to pairs of bfloat16, which one instruction multiplies and adds.

A bfloat16 is the upper half of a float32: its exponent, and 8 of its 24 significant bits. AVX-512
BF16 multiplies 16 pairs of bfloat16 with 16 others and adds both products of each pair to a float32
sum, which is twice the multiplications of a float32 instruction. A pair is two consecutive factors
of a sum, the first in the lower half of 32 bits. Rounding is to nearest, ties to even; numbers
below 1.2e-38 count as 0.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import clear, copy, prefetch
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.compiler.llvm import call
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.compiler.threads import n_threads
from scratchgpt.kernels.parts.scratch import BLOCK_BYTES, TILE_BYTES
from scratchgpt.kernels.parts.tile import BFloat16, transpose_block
from scratchgpt.memory import empty, scope

VECTOR = 16  # pairs, or float32
ROUNDED_BYTES = BLOCK_BYTES + 2 * 4 * VECTOR  # scratch memory per thread
AHEAD = 8  # prefetch distance in rows


def _rounding(order: list[int]) -> Any:
    """Return an intrinsic that rounds two float32 vectors to one bfloat16 vector, reordered."""

    @intrinsic
    def round_vectors(typing_context, first, second, target):
        """Round 16 float32 at ``first`` and 16 at ``second`` to 16 pairs at ``target``."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            single, half = ir.FloatType(), ir.IntType(16)
            vector, halves = ir.VectorType(single, VECTOR), ir.VectorType(half, 2 * VECTOR)
            pairs = ir.VectorType(BFloat16(), 2 * VECTOR)
            *sources, target = arguments
            first, second = (
                builder.load(builder.inttoptr(at, vector.as_pointer()), align=4) for at in sources
            )
            name = "llvm.x86.avx512bf16.cvtne2ps2bf16.512"
            rounded = builder.bitcast(call(builder, name, pairs, second, first), halves)
            places = ir.Constant(ir.VectorType(ir.IntType(32), 2 * VECTOR), order)
            rounded = builder.shuffle_vector(rounded, rounded, places)
            builder.store(rounded, builder.inttoptr(target, halves.as_pointer()), align=4)
            return context.get_dummy_value()

        return types.void(*(types.int64,) * 3), generate

    return round_vectors


_side_by_side = _rounding(list(range(2 * VECTOR)))
_one_above_the_other = _rounding([i + j for i in range(VECTOR) for j in (0, VECTOR)])


@part
def _round_along(source, n, target, block):
    """Round a row of n numbers to pairs of neighbors, padded with zeros to whole vectors."""
    for j in range(0, n, 2 * VECTOR):
        at = source + 4 * j
        if n - j < 2 * VECTOR:
            copy(block, at, 4 * (n - j))
            clear(block + 4 * (n - j), 4 * (2 * VECTOR - (n - j)))
            at = block
        _side_by_side(at, at + 4 * VECTOR, target + 2 * j)


@part
def _round_across(first, second, n, target, block):
    """Round two rows of n numbers to pairs in the same column; the address ``second`` may be 0."""
    other = block + 4 * VECTOR
    if second == 0:
        clear(other, 4 * VECTOR)
    for j in range(0, n, VECTOR):
        low, high = first + 4 * j, other if second == 0 else second + 4 * j
        if n - j < VECTOR:
            copy(block, low, 4 * (n - j))
            if second != 0:
                copy(other, high, 4 * (n - j))
            low, high = block, other
        _one_above_the_other(low, high, target + 4 * j)


@part
def pack_pairs(like, b, b_row, b_column, n_sum, width, panels, step, block):
    """Pack ``n_sum`` rows of B in float32, ``width`` bytes of each, as pairs into panels.

    Panels are ``step`` bytes apart; ``block`` is scratch memory of ROUNDED_BYTES.
    """
    few = block + BLOCK_BYTES
    if b_column == 4:
        for k in range(0, n_sum, 2):
            first, target = b + k * b_row, panels + k // 2 * TILE_BYTES
            for j in range(0, width, TILE_BYTES):
                for ahead in range(AHEAD, AHEAD + 2):
                    prefetch(first + ahead * b_row + j)
                    prefetch(first + ahead * b_row + j + 4 * VECTOR)
                now = min(TILE_BYTES, width - j) // 4
                second = 0 if k + 1 == n_sum else first + b_row + j
                _round_across(first + j, second, now, target + j // TILE_BYTES * step, few)
    else:
        for j in range(0, width, 4 * VECTOR):
            panel = panels + j // TILE_BYTES * step + j % TILE_BYTES
            columns = min(VECTOR, (width - j) // 4)
            for k in range(0, n_sum, 2 * VECTOR):
                at = b + j // 4 * b_column + 4 * k
                for i in range(columns):
                    now = min(2 * VECTOR, n_sum - k)
                    _round_along(at + i * b_column, now, block + 4 * VECTOR * i, few)
                target = panel + k // 2 * TILE_BYTES
                transpose_block(like, block, 4 * VECTOR, target, TILE_BYTES)


@kernel
def _round(share, target, source, source_row, n_rows, n, across, scratch):
    """Compute a share of the rows of the target."""
    n_shares, block = scratch.shape[0], scratch[share].ctypes.data
    first, last = target.shape[0] * share // n_shares, target.shape[0] * (share + 1) // n_shares
    for i in range(first, last):
        to = target[i].ctypes.data
        if across:
            at = source + 2 * i * source_row
            second = 0 if 2 * i + 1 == n_rows else at + source_row
            _round_across(at, second, n, to, block)
        else:
            _round_along(source + i * source_row, n, to, block)


def pairs(x: Array) -> Array:
    """Round the left factor of a product to pairs of bfloat16 along its second axis.

    Parameters
    ----------
    x : array (M, K), float32
        One of its axes is contiguous.

    Returns
    -------
    pairs : array (M, (K + 1) / 2), uint32
        The same axis is contiguous as in ``x``. If K is odd, the last pair is padded with zero.
    """
    across = x.strides[1] != 4
    rows = x.T if across else x
    (n_rows, n), n_pairs = rows.shape, (x.shape[1] + 1) // 2
    shape = (n_pairs, n) if across else (n_rows, n_pairs)
    pitch = (shape[1] // VECTOR + 2) * VECTOR  # whole vectors, and not a power of two
    target = empty((shape[0], pitch), like=x, dtype=np.uint32)
    with scope():
        scratch = empty((n_threads(), 2 * VECTOR), like=target)
        arguments = (target, rows.ctypes.data, rows.strides[0], n_rows, n, across, scratch)
        _round(len(scratch), *arguments)
    target = target[:, : shape[1]]
    return target.T if across else target
