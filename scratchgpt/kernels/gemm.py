"""The general matrix product on all threads, made of tiles (:mod:`scratchgpt.kernels.parts.tile`).

The columns of B are cut into panels as wide as a tile. A thread packs a piece of a panel side by
side, small enough to stay in its cache, and runs down the rows of A with it; A is read where it
lies. That is what BLAS does (Goto and van de Geijn 2008), less the packing of A, which at the sizes
of a GPT costs more than it saves.

An element is summed over k in the same order whoever computes it, so the result has the same bits
for any number of threads.

Where products are taken in bfloat16 (:mod:`scratchgpt.precision`), A is rounded ahead and B while
it is packed; an item of a panel is then a pair of numbers, and everything else is as it was.
"""

import numpy as np
from numba import get_num_threads, types
from numba.extending import overload

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import copy, prefetch
from scratchgpt.kernels.compiler.cpu import HAS_BFLOAT16_DOT, TILE_ROWS, VECTOR_BYTES
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.bfloat16 import ROUNDED_BYTES, pack_pairs, pairs
from scratchgpt.kernels.parts.scratch import TILE_BYTES, load, store, transpose
from scratchgpt.kernels.parts.tile import tile
from scratchgpt.memory import empty, scope
from scratchgpt.precision import factors, in_bfloat16

PANEL_BYTES = 2048  # of a row of B^T that are packed at a time
AHEAD = 8  # rows of B from memory to the cache, while one is packed
GROUP = 4  # panels that are packed side by side
ROWS = 512  # of A, at most, that meet a panel before it is packed again
# Between rows of A that are packed; tiles of a power of two would meet in the same cache sets.
PACKED_STEP = PANEL_BYTES + 64 // TILE_ROWS
FEWEST_OPERATIONS = 1_000_000  # multiplications that are worth a thread's while


@part
def _panel_bytes(like):
    """From one packed panel to the next, which is not a power of two."""
    return PANEL_BYTES // like.itemsize * TILE_BYTES + 64


@part
def _pack(like, b, b_row, b_column, n_sum, width, panels, block):
    """``n_sum`` rows of B, ``width`` bytes of each, into panels, filled up with zeros."""
    item, step = like.itemsize, _panel_bytes(like)
    whole = width // TILE_BYTES * TILE_BYTES
    if b_column == item:
        for k in range(n_sum):  # all panels together: memory gives long rows faster than short ones
            source, target = b + k * b_row, panels + k * TILE_BYTES
            for j in range(0, whole, TILE_BYTES):
                prefetch(source + AHEAD * b_row + j)
                prefetch(source + AHEAD * b_row + j + VECTOR_BYTES)
                copy(target + j // TILE_BYTES * step, source + j, TILE_BYTES)
        if whole < width:
            last = panels + whole // TILE_BYTES * step
            load(b + whole, b_row, n_sum, width - whole, last, TILE_BYTES, n_sum, TILE_BYTES)
    else:
        for j in range(0, width, TILE_BYTES):
            panel, now = panels + j // TILE_BYTES * step, min(TILE_BYTES, width - j)
            if now < TILE_BYTES:
                load(b, 0, 0, 0, panel, TILE_BYTES, n_sum, TILE_BYTES)
            at = b + j // item * b_column
            transpose(like, at, b_column, now // item, n_sum, panel, TILE_BYTES, block)


def _together(like):
    """How many numbers of the sum an item of a panel holds: 1, or 2 in bfloat16."""


@overload(_together)
def _choose_together(like):
    if like.dtype == types.uint32:
        return lambda like: 2
    return lambda like: 1


def _pack_panels(like, b, b_row, b_column, n_sum, width, panels, block):
    """Rows of B into panels, as they are or rounded to bfloat16."""


@overload(_pack_panels)
def _choose_packing(like, b, b_row, b_column, n_sum, width, panels, block):
    if like.dtype == types.uint32:

        def packing(like, b, b_row, b_column, n_sum, width, panels, block):
            step = _panel_bytes(like)
            pack_pairs(like, b, b_row, b_column, n_sum, width, panels, step, block)
    else:

        def packing(like, b, b_row, b_column, n_sum, width, panels, block):
            _pack(like, b, b_row, b_column, n_sum, width, panels, block)

    return packing


@part
def _pack_transposed(like, a, a_column, n_rows, n_sum, packed):
    """Of A, whose columns are contiguous, the elements that a tile reads one after the other."""
    item = like.itemsize
    for k in range(n_sum):
        source, target = a + k * a_column, packed + k * TILE_ROWS * item
        for i in range(0, n_rows, TILE_ROWS):
            if item == 4:  # a size that is known is copied without a call
                copy(target + i * PACKED_STEP, source + i * 4, 4 * TILE_ROWS)
            else:
                copy(target + i * PACKED_STEP, source + i * 8, 8 * TILE_ROWS)


@part
def _edge_tile(
    like, a, a_row, a_column, panel, c, c_row, rows, width, n_sum, start, start_row, edge
):
    """A tile of which only some rows and bytes are there, computed in scratch memory."""
    item = like.itemsize
    own = edge + TILE_ROWS * TILE_BYTES
    if rows == TILE_ROWS:
        own, own_row, own_column = a, a_row, a_column
    elif a_column == item:
        own_row, own_column = PANEL_BYTES, item
        load(a, a_row, rows, n_sum * item, own, own_row, TILE_ROWS, n_sum * item)
    else:
        own_row, own_column = item, TILE_ROWS * item
        load(a, a_column, n_sum, rows * item, own, own_column, n_sum, own_column)
    begin = 0
    if start != 0:
        begin = edge
        load(start, start_row, rows, width, edge, TILE_BYTES, TILE_ROWS, TILE_BYTES)
    tile(
        like,
        own,
        own_row,
        own_column,
        panel,
        TILE_BYTES,
        edge,
        TILE_BYTES,
        n_sum,
        begin,
        TILE_BYTES,
    )
    store(edge, TILE_BYTES, rows, width, c, c_row)


@part
def _run_down(
    like, a, a_step, a_row, a_column, panel, c, c_row, n_rows, width, n_sum, start, start_row, edge
):
    """C (n_rows, width) = S + A B, with B the panel."""
    for i in range(0, n_rows, TILE_ROWS):
        rows = min(TILE_ROWS, n_rows - i)
        begin = 0 if start == 0 else start + i * start_row
        at, to = a + i * a_step, c + i * c_row
        if rows == TILE_ROWS and width == TILE_BYTES:
            tile(like, at, a_row, a_column, panel, TILE_BYTES, to, c_row, n_sum, begin, start_row)
        else:
            _edge_tile(
                *(like, at, a_row, a_column, panel, to, c_row),
                *(rows, width, n_sum, begin, start_row, edge),
            )


@kernel
def _product(share, scratch, a, b, c, sizes, block_rows, start, start_row, n_units):
    """A share of the units: panels of a block of rows, block after block."""
    n_shares, like = scratch.shape[0], scratch[share]
    first_unit, last_unit = n_units * share // n_shares, n_units * (share + 1) // n_shares
    a_at, a_row, a_column = a
    b_at, b_row, b_column = b
    c_at, c_row = c
    n_rows, n_columns, n_sum = sizes
    item = like.itemsize
    panels = like.ctypes.data
    edge = panels + GROUP * _panel_bytes(like)
    block = edge + TILE_ROWS * (TILE_BYTES + PANEL_BYTES)
    packed = block + ROUNDED_BYTES
    together = _together(like)
    whole, depth = n_columns * item, PANEL_BYTES // item * together
    n_panels = (whole + TILE_BYTES - 1) // TILE_BYTES
    for row_block in range(first_unit // n_panels, (last_unit + n_panels - 1) // n_panels):
        i = row_block * block_rows
        rows = min(block_rows, n_rows - i)
        first = max(first_unit - row_block * n_panels, 0) * TILE_BYTES
        last = min(min(last_unit - row_block * n_panels, n_panels) * TILE_BYTES, whole)
        for k in range(0, n_sum, depth):
            now = min(depth, n_sum - k)
            items = (now + together - 1) // together
            a_now, a_step, column = a_at + i * a_row + k // together * a_column, a_row, a_column
            if a_column != item and rows % TILE_ROWS == 0:
                _pack_transposed(like, a_now, a_column, rows, items, packed)
                a_now, a_step, column = packed, PACKED_STEP, TILE_ROWS * item
            for group in range(first, last, GROUP * TILE_BYTES):
                b_now = b_at + k * b_row + group // item * b_column
                width = min(GROUP * TILE_BYTES, last - group)
                _pack_panels(like, b_now, b_row, b_column, now, width, panels, block)
                for j in range(group, group + width, TILE_BYTES):
                    at = c_at + i * c_row + j
                    begin, begin_row = at, c_row
                    if k == 0:
                        begin = 0 if start == 0 else start + i * start_row + j
                        begin_row = start_row
                    panel = panels + (j - group) // TILE_BYTES * _panel_bytes(like)
                    _run_down(
                        *(like, a_now, a_step, a_row, column, panel, at, c_row),
                        *(rows, min(TILE_BYTES, last - j), items, begin, begin_row, edge),
                    )


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
        Add to what ``out`` holds.

    All are float32, or all float64. Inside :func:`scratchgpt.precision.products_in` float32
    factors are rounded to bfloat16.
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
    start, start_row = (out.ctypes.data, out.strides[0]) if accumulate else (0, 0)
    if bias is not None:
        bias = np.ascontiguousarray(bias)
        start = bias.ctypes.data
    n_shares = max(1, min(get_num_threads(), m * n * k // FEWEST_OPERATIONS))
    n_panels = -(-n * item // TILE_BYTES)
    # Each thread packs what it needs of A, where that is packed: of a tall one best a part.
    fewest = n_shares if a.strides[1] != item and m > n else 1
    block_rows = _block_rows(m, n_panels, n_shares, fewest)
    n_units = -(-m // block_rows) * n_panels
    needs = GROUP * (PANEL_BYTES // item * TILE_BYTES + 64) + TILE_ROWS * (TILE_BYTES + PANEL_BYTES)
    needs += ROUNDED_BYTES + ROWS * PACKED_STEP
    with scope():
        items = out.dtype
        if in_bfloat16(out.dtype):
            if HAS_BFLOAT16_DOT:
                a, items = pairs(a), np.dtype(np.uint32)
            else:
                a, b = factors(a, b)
        scratch = empty((n_shares, needs // item), like=out, dtype=items)
        _product(
            n_shares,
            scratch,
            (a.ctypes.data, *a.strides),
            (b.ctypes.data, *b.strides),
            (out.ctypes.data, out.strides[0]),
            (m, n, k),
            *(block_rows, start, start_row, n_units),
        )


def _block_rows(m: int, n_panels: int, n_shares: int, fewest: int) -> int:
    """Rows of a block of A: as many as there may be, so that all shares get about as much."""
    n_blocks = max(fewest, -(-m // ROWS))
    while n_blocks * n_panels % n_shares and n_blocks * n_panels < 16 * n_shares:
        n_blocks += 1
    return -(-m // (n_blocks * TILE_ROWS)) * TILE_ROWS


def _one_side_contiguous(x: Array) -> Array:
    """x itself where the elements of its rows or of its columns lie side by side."""
    return x if x.itemsize in x.strides else np.ascontiguousarray(x)
