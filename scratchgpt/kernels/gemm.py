"""The general matrix product on all threads: each computes a piece by BLAS on one thread.

A piece is a band of rows or columns of the result, and BLAS sums each element of it over k in the
same order however wide the band is. So the result has the same bits for any number of threads,
as long as BLAS does not choose another algorithm for small products, which pieces never are. BLAS
is called by its address, the one that SciPy offers to Cython: a compiled loop may not call back
into Python.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import get_num_threads, prange, types
from numba.extending import get_cython_function_address, intrinsic

from scratchgpt.backend import Array
from scratchgpt.kernels.addresses import copy
from scratchgpt.kernels.jit import kernel

SGEMM = get_cython_function_address("scipy.linalg.cython_blas", "sgemm")
PIECE_OPERATIONS = 4_000_000  # multiplications that are worth a thread's while
ALIGN = 16  # elements: pieces start on a cache line of the result
ITEM = 4  # bytes of a float32


@intrinsic
def _sgemm(typing_context, function, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc):
    """BLAS's sgemm with alpha = 1, column-major: addresses and sizes as int64, beta float32.

    Fortran takes every argument by reference, so each is put on the stack first.
    """
    whole = types.int64
    signature = types.void(*[whole] * 10, types.float32, whole, whole)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, int32 = ir.IntType(8), ir.IntType(32)
        pointer = byte.as_pointer()

        def by_reference(value: Any) -> Any:
            with builder.goto_entry_block():
                slot = builder.alloca(value.type)
            builder.store(value, slot)
            return builder.bitcast(slot, pointer)

        function, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc = arguments

        def size(value: Any) -> Any:
            return by_reference(builder.trunc(value, int32))

        def flag(value: Any) -> Any:
            return by_reference(builder.trunc(value, byte))

        def address(value: Any) -> Any:
            return builder.inttoptr(value, pointer)

        one = by_reference(ir.Constant(ir.FloatType(), 1.0))
        type_ = ir.FunctionType(ir.VoidType(), [pointer] * 13)
        builder.call(
            builder.inttoptr(function, type_.as_pointer()),
            [
                *(flag(ta), flag(tb), size(m), size(n), size(k), one),
                *(address(a), size(lda), address(b), size(ldb)),
                *(by_reference(beta), address(c), size(ldc)),
            ],
        )
        return context.get_dummy_value()

    return signature, generate


@kernel
def _product(function, a, ta, lda, b, tb, ldb, c, ldc, m, n, k, bias, beta, n_pieces):
    # Row-major C = A B is column-major C' = B' A', so the operands change places.
    letter_a = 84 if ta else 78  # "T" or "N"
    letter_b = 84 if tb else 78
    by_columns = n >= m
    longer = n if by_columns else m
    n_blocks = (longer + ALIGN - 1) // ALIGN
    for piece in prange(n_pieces):
        start = min(longer, ALIGN * (n_blocks * piece // n_pieces))
        stop = min(longer, ALIGN * (n_blocks * (piece + 1) // n_pieces))
        size = stop - start
        if bias and by_columns:
            for i in range(m):
                copy(c + (i * ldc + start) * ITEM, bias + start * ITEM, size * ITEM)
        elif bias:
            for i in range(start, stop):
                copy(c + i * ldc * ITEM, bias, n * ITEM)
        if size > 0 and by_columns:
            skip = start * ldb if tb else start
            _sgemm(
                *(function, letter_b, letter_a, size, m, k, b + skip * ITEM, ldb, a, lda),
                *(beta, c + start * ITEM, ldc),
            )
        elif size > 0:
            skip = start if ta else start * lda
            _sgemm(
                *(function, letter_b, letter_a, n, size, k, b, ldb, a + skip * ITEM, lda),
                *(beta, c + start * ldc * ITEM, ldc),
            )


def matmul(
    a: Array, b: Array, out: Array, *, bias: Array | None = None, accumulate: bool = False
) -> None:
    """``out = a @ b``, or ``out = a @ b + bias``, or ``out += a @ b``.

    Parameters
    ----------
    a : float32 array (M, K)
    b : float32 array (K, N)
    out : float32 array (M, N)
        C-contiguous, or the transpose of such an array (then without a bias).
    bias : float32 array (N,), optional
    accumulate : bool
        Add to what ``out`` holds.
    """
    if out.strides[1] != ITEM and out.shape[1] > 1:
        out, a, b = out.T, b.T, a.T
    m, k = a.shape
    n = b.shape[1]
    if m * n == 0:
        return
    if k == 0:
        if not accumulate:
            out[...] = 0 if bias is None else bias
        return
    if bias is not None:
        bias = np.ascontiguousarray(bias)
    a, ta, lda = _layout(a)
    b, tb, ldb = _layout(b)
    n_pieces = max(1, min(get_num_threads(), m * n * k // PIECE_OPERATIONS))
    _product(
        *(SGEMM, a.ctypes.data, ta, lda, b.ctypes.data, tb, ldb),
        *(out.ctypes.data, max(out.strides[0] // ITEM, n), m, n, k),
        *(0 if bias is None else bias.ctypes.data, np.float32(accumulate or bias is not None)),
        n_pieces,
    )


def _layout(x: Array) -> tuple[Array, bool, int]:
    """A matrix as BLAS can read it: (matrix, whether it is transposed, leading dimension)."""
    rows, columns = x.strides
    if columns == ITEM and rows % ITEM == 0 and rows >= ITEM * x.shape[1]:
        return x, False, rows // ITEM
    if rows == ITEM and columns % ITEM == 0 and columns >= ITEM * x.shape[0]:
        return x, True, columns // ITEM
    return np.ascontiguousarray(x), False, x.shape[1]
