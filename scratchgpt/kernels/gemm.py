"""The general matrix product on all threads; see :mod:`scratchgpt.kernels.parts.panels`.

Each element is summed over k in the same order on any thread, so the result has the same bits for
any number of threads.
"""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.cpu import HAS_BFLOAT16_DOT, TILE_ROWS
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.compiler.threads import n_threads
from scratchgpt.kernels.parts.bfloat16 import pairs
from scratchgpt.kernels.parts.panels import ROWS, Product, run_units, scratch_items
from scratchgpt.kernels.parts.scratch import TILE_BYTES, Matrix, Rows
from scratchgpt.memory import empty, scope
from scratchgpt.precision import factors, in_bfloat16

FEWEST_OPERATIONS = 1_000_000  # minimum number of multiplications per thread


@kernel
def _product(share, scratch, product):
    """Compute a share of the units."""
    n_shares, n_units = scratch.shape[0], product.n_units
    first, last = n_units * share // n_shares, n_units * (share + 1) // n_shares
    run_units(scratch[share], product, first, last)


def matmul(
    a: Array, b: Array, out: Array, *, bias: Array | None = None, accumulate: bool = False
) -> None:
    """``out = a @ b``, or ``out = a @ b + bias``, or ``out += a @ b``.

    Parameters
    ----------
    a : array (M, K)
    b : array (K, N)
    out : array (M, N)
        C-contiguous, or the transpose of such an array (then without a bias).
    bias : array (N,), optional
    accumulate : bool
        Add to ``out`` instead of overwriting it.

    All arrays are float32, or all are float64. Inside :func:`scratchgpt.precision.products_in`
    float32 factors are rounded to bfloat16.
    """
    item = out.itemsize
    if out.strides[1] != item and out.shape[1] > 1:
        out, a, b = out.T, b.T, a.T
    (m, k), n = a.shape, b.shape[1]
    if m * n == 0:
        return
    if k == 0:
        if not accumulate:
            out[...] = 0 if bias is None else bias
        return
    a, b = _one_side_contiguous(a), _one_side_contiguous(b)
    target = Rows(out.ctypes.data, out.strides[0])
    start = target if accumulate else Rows(0, 0)
    if bias is not None:
        bias = np.ascontiguousarray(bias)
        start = Rows(bias.ctypes.data, 0)
    n_shares = max(1, min(n_threads(), m * n * k // FEWEST_OPERATIONS))
    n_panels = -(-n * item // TILE_BYTES)
    # If A is packed, each thread packs the part that it needs: for a tall A only a part of it.
    fewest = n_shares if a.strides[1] != item and m > n else 1
    block_rows = _block_rows(m, n_panels, n_shares, fewest)
    n_units = -(-m // block_rows) * n_panels
    with scope():
        items = out.dtype
        if in_bfloat16(out.dtype):
            if HAS_BFLOAT16_DOT:
                a, items = pairs(a), np.dtype(np.uint32)
            else:
                a, b = factors(a, b)
        scratch = empty((n_shares, scratch_items(item)), like=out, dtype=items)
        product = Product(
            a=Matrix(a.ctypes.data, *a.strides),
            b=Matrix(b.ctypes.data, *b.strides),
            c=target,
            start=start,
            n_rows=m,
            n_columns=n,
            n_sum=k,
            block_rows=block_rows,
            n_units=n_units,
        )
        _product(n_shares, scratch, product)


def _block_rows(m: int, n_panels: int, n_shares: int, fewest: int) -> int:
    """Return the rows per block of A: as many as possible with about equal shares."""
    n_blocks = max(fewest, -(-m // ROWS))
    while n_blocks * n_panels % n_shares and n_blocks * n_panels < 16 * n_shares:
        n_blocks += 1
    return -(-m // (n_blocks * TILE_ROWS)) * TILE_ROWS


def _one_side_contiguous(x: Array) -> Array:
    """Return x if its rows or its columns are contiguous, else a contiguous copy."""
    return x if x.itemsize in x.strides else np.ascontiguousarray(x)
