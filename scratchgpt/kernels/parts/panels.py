"""The part of a matrix product that one thread computes: panels of B, packed, times all rows of A.

The columns of B are divided into panels as wide as a tile (:mod:`scratchgpt.kernels.parts.tile`). A
thread packs a part of a panel contiguously, small enough to stay in its cache, and multiplies all
rows of A with it. A is read in place. This is the method of BLAS (Goto and van de Geijn 2008)
without the packing of A, which costs more than it saves at the sizes of a GPT.

For products in bfloat16 (:mod:`scratchgpt.precision`), A is rounded beforehand and B while it is
packed. An item of a panel is then a pair of numbers; everything else is the same.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from scratchgpt.kernels.compiler.addresses import copy, prefetch
from scratchgpt.kernels.compiler.cpu import TILE_ROWS, VECTOR_BYTES
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.parts.bfloat16 import ROUNDED_BYTES, pack_pairs
from scratchgpt.kernels.parts.scratch import (
    TILE_BYTES,
    Matrix,
    Rows,
    load,
    round_up,
    store,
    transpose,
)
from scratchgpt.kernels.parts.tile import tile

PANEL_BYTES = 2048  # bytes of a row of B^T that are packed at a time
AHEAD = 8  # prefetch distance in rows of B, while one is packed
GROUP = 4  # panels that are packed together
ROWS = 512  # maximum number of rows of A per packed panel
# Distance of packed rows of A; with a power of two, tiles would use the same cache sets.
PACKED_STEP = PANEL_BYTES + 64 // TILE_ROWS


@part
def _panel_bytes(like):
    """Return the bytes from one packed panel to the next, which is not a power of two."""
    return PANEL_BYTES // like.itemsize * TILE_BYTES + 64


@part
def _pack(like, b, b_row, b_column, n_sum, width, panels, block):
    """Pack ``n_sum`` rows of B, ``width`` bytes of each, into panels padded with zeros."""
    item, step = like.itemsize, _panel_bytes(like)
    whole = width // TILE_BYTES * TILE_BYTES
    if b_column == item:
        for k in range(n_sum):  # all panels at once: long rows are read faster than short ones
            source, target = b + k * b_row, panels + k * TILE_BYTES
            for j in range(0, whole, TILE_BYTES):
                prefetch(source + AHEAD * b_row + j)
                prefetch(source + AHEAD * b_row + j + VECTOR_BYTES)
                copy(target + j // TILE_BYTES * step, source + j, TILE_BYTES)
        if whole < width:
            last = panels + whole // TILE_BYTES * step
            rest = Rows(b + whole, b_row)
            load(rest, n_sum, width - whole, Rows(last, TILE_BYTES), n_sum, TILE_BYTES)
    else:
        for j in range(0, width, TILE_BYTES):
            panel, now = panels + j // TILE_BYTES * step, min(TILE_BYTES, width - j)
            target = Rows(panel, TILE_BYTES)
            if now < TILE_BYTES:
                load(Rows(b, 0), 0, 0, target, n_sum, TILE_BYTES)
            columns = Rows(b + j // item * b_column, b_column)
            transpose(like, columns, now // item, n_sum, target, block)


def _together(like):
    """Return the number of terms of the sum per item of a panel: 1, or 2 in bfloat16."""


@overload(_together)
def _choose_together(like):
    if like.dtype == types.uint32:
        return lambda like: 2
    return lambda like: 1


def _pack_panels(like, b, b_row, b_column, n_sum, width, panels, block):
    """Pack rows of B into panels, unchanged or rounded to bfloat16."""


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
    """Pack A, whose columns are contiguous, in the order in which a tile reads its elements."""
    item = like.itemsize
    for k in range(n_sum):
        source, target = a + k * a_column, packed + k * TILE_ROWS * item
        for i in range(0, n_rows, TILE_ROWS):
            if item == 4:  # a copy of constant size needs no function call
                copy(target + i * PACKED_STEP, source + i * 4, 4 * TILE_ROWS)
            else:
                copy(target + i * PACKED_STEP, source + i * 8, 8 * TILE_ROWS)


class Tiles(NamedTuple):
    """A matrix in the order in which tiles read it, TILE_ROWS rows at a time."""

    at: Any
    step: Any  # bytes from tile to tile, per row of the tile
    row: Any  # bytes from row to row of a tile
    column: Any


@part
def _edge_tile(like, a, panel, c, n_rows, width, n_sum, start, edge):
    """Compute a tile at an edge of C, with fewer rows or columns, in scratch memory."""
    item = like.itemsize
    own, whole = edge + TILE_ROWS * TILE_BYTES, Rows(edge, TILE_BYTES)
    if n_rows == TILE_ROWS:
        padded = Matrix(a.at, a.row, a.column)
    elif a.column == item:
        padded = Matrix(own, PANEL_BYTES, item)
        rows, target = Rows(a.at, a.row), Rows(own, PANEL_BYTES)
        load(rows, n_rows, n_sum * item, target, TILE_ROWS, n_sum * item)
    else:
        padded = Matrix(own, item, TILE_ROWS * item)
        columns, target = Rows(a.at, a.column), Rows(own, TILE_ROWS * item)
        load(columns, n_sum, n_rows * item, target, n_sum, TILE_ROWS * item)
    begin = 0
    if start.at != 0:
        begin = edge
        load(start, n_rows, width, whole, TILE_ROWS, TILE_BYTES)
    at, row, column = padded
    tile(like, at, row, column, panel, whole.row, edge, whole.row, n_sum, begin, whole.row)
    store(whole, n_rows, width, c)


@part
def _run_down(like, a, panel, c, n_rows, width, n_sum, start, edge):
    """Compute C (n_rows, width) = S + A B for one panel B, with A as Tiles.

    C and S are Rows; without S its address is 0.
    """
    for i in range(0, n_rows, TILE_ROWS):
        rows = min(TILE_ROWS, n_rows - i)
        begin = 0 if start.at == 0 else start.at + i * start.row
        at, to = a.at + i * a.step, c.at + i * c.row
        if rows == TILE_ROWS and width == TILE_BYTES:
            tile(like, at, a.row, a.column, panel, TILE_BYTES, to, c.row, n_sum, begin, start.row)
        else:
            own, target = Matrix(at, a.row, a.column), Rows(to, c.row)
            _edge_tile(like, own, panel, target, rows, width, n_sum, Rows(begin, start.row), edge)


class Product(NamedTuple):
    """C = S + A B with A (M, K) and B (K, N)."""

    a: Any  # Matrix
    b: Any  # Matrix
    c: Any  # Rows
    start: Any  # Rows: S; a row stride of 0 repeats one row; without S the address is 0
    n_rows: Any
    n_columns: Any
    n_sum: Any
    block_rows: Any  # rows of A per packed panel
    n_units: Any  # panels times blocks of rows


@part
def run_units(like, product, first_unit, last_unit):
    """Compute units of a product: panels of a block of rows, block by block.

    ``like`` is also the scratch memory, of :func:`scratch_items` items.
    """
    a, b, c, start, n_sum = product.a, product.b, product.c, product.start, product.n_sum
    item = like.itemsize
    panels = np.int64(like.ctypes.data)
    edge = panels + GROUP * _panel_bytes(like)
    block = edge + TILE_ROWS * (TILE_BYTES + PANEL_BYTES)
    packed = block + ROUNDED_BYTES
    together = _together(like)
    whole, depth = product.n_columns * item, PANEL_BYTES // item * together
    n_panels = (whole + TILE_BYTES - 1) // TILE_BYTES
    for row_block in range(first_unit // n_panels, (last_unit + n_panels - 1) // n_panels):
        i = row_block * product.block_rows
        rows = min(product.block_rows, product.n_rows - i)
        first = max(first_unit - row_block * n_panels, 0) * TILE_BYTES
        last = min(min(last_unit - row_block * n_panels, n_panels) * TILE_BYTES, whole)
        for k in range(0, n_sum, depth):
            now = min(depth, n_sum - k)
            items = (now + together - 1) // together
            at = a.at + i * a.row + k // together * a.column
            a_now = Tiles(at, a.row, a.row, a.column)
            if a.column != item and rows % TILE_ROWS == 0:
                _pack_transposed(like, at, a.column, rows, items, packed)
                a_now = Tiles(packed, PACKED_STEP, a.row, TILE_ROWS * item)
            for group in range(first, last, GROUP * TILE_BYTES):
                b_now = b.at + k * b.row + group // item * b.column
                width = min(GROUP * TILE_BYTES, last - group)
                _pack_panels(like, b_now, b.row, b.column, now, width, panels, block)
                for j in range(group, group + width, TILE_BYTES):
                    target = Rows(c.at + i * c.row + j, c.row)
                    begin = target
                    if k == 0:
                        first_row = start.at + i * start.row + j
                        begin = Rows(0 if start.at == 0 else first_row, start.row)
                    panel = panels + (j - group) // TILE_BYTES * _panel_bytes(like)
                    now_wide = min(TILE_BYTES, last - j)
                    _run_down(like, a_now, panel, target, rows, now_wide, items, begin, edge)


@part
def multiply(like, a, b, c, n_rows, n_columns, n_sum):
    """Compute C = A B on the thread of the caller, with A and B Matrices, and C Rows.

    Each element has the same bits as from :func:`scratchgpt.kernels.gemm.matmul`. ``like`` is also
    the scratch memory, of :func:`scratch_items` items.
    """
    n_panels = (n_columns * like.itemsize + TILE_BYTES - 1) // TILE_BYTES
    n_blocks = (n_rows + ROWS - 1) // ROWS
    block_rows = round_up((n_rows + n_blocks - 1) // n_blocks, TILE_ROWS)
    n_units = (n_rows + block_rows - 1) // block_rows * n_panels
    product = Product(a, b, c, Rows(0, 0), n_rows, n_columns, n_sum, block_rows, n_units)
    run_units(like, product, 0, n_units)


def scratch_items(itemsize: int) -> int:
    """Return the number of items that a thread needs for its part of a product."""
    needs = GROUP * (PANEL_BYTES // itemsize * TILE_BYTES + 64)
    needs += TILE_ROWS * (TILE_BYTES + PANEL_BYTES) + ROUNDED_BYTES + ROWS * PACKED_STEP
    return needs // itemsize
