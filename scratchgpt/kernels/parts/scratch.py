"""Matrices in the scratch memory of a thread, with sizes rounded up to whole tiles.

In this module and its users, addresses are int64, and strides and widths are in bytes.
"""

from typing import Any, NamedTuple

from scratchgpt.kernels.compiler.addresses import clear, copy, vector
from scratchgpt.kernels.compiler.cpu import TILE_ROWS, VECTOR_BYTES
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.parts.tile import tile, transpose_block

TILE_BYTES = 2 * VECTOR_BYTES  # width of a tile
BLOCK_BYTES = VECTOR_BYTES * VECTOR_BYTES // 4  # maximum size of a square block of vectors


class Rows(NamedTuple):
    """A matrix whose rows are contiguous."""

    at: Any  # the address of its first element
    row: Any  # bytes from row to row


class Matrix(NamedTuple):
    """A matrix of any layout."""

    at: Any
    row: Any
    column: Any  # bytes from column to column


@part
def round_up(n, step):
    return (n + step - 1) // step * step


@part
def load(source, n_rows, width, target, target_rows, target_width):
    """Copy Rows of ``width`` bytes, padded with zeros to the size of the target."""
    for i in range(n_rows):
        to = target.at + i * target.row
        copy(to, source.at + i * source.row, width)
        if width < target_width:
            clear(to + width, target_width - width)
    for i in range(n_rows, target_rows):
        clear(target.at + i * target.row, target_width)


@part
def store(source, n_rows, width, target):
    """Copy Rows of ``width`` bytes to the target."""
    for i in range(n_rows):
        copy(target.at + i * target.row, source.at + i * source.row, width)


@part
def add(like, source, n_rows, n_columns, target):
    """Add Rows (n_rows, n_columns) to the target."""
    for i in range(n_rows):
        row = vector(like, source.at + i * source.row, n_columns)
        total = vector(like, target.at + i * target.row, n_columns)
        for j in range(n_columns):
            total[j] += row[j]


@part
def transpose(like, source, n_rows, n_columns, target, block):
    """Transpose Rows (n_rows, n_columns); the target is padded with zeros to whole vectors.

    ``block`` is the address of scratch memory of BLOCK_BYTES.
    """
    item = like.itemsize
    n = VECTOR_BYTES // item
    for i in range(0, n_rows, n):
        for j in range(0, n_columns, n):
            square = Rows(source.at + i * source.row + j * item, source.row)
            rows, columns = min(n, n_rows - i), min(n, n_columns - j)
            if rows < n or columns < n:
                whole = Rows(block, VECTOR_BYTES)
                load(square, rows, columns * item, whole, n, VECTOR_BYTES)
                square = whole
            to = target.at + j * target.row + i * item
            transpose_block(like, square.at, square.row, to, target.row)


@part
def product(like, a, b, c, n_rows, width, n_sum, add):
    """Compute C = A B or C += A B by tiles, with A a Matrix, and B and C Rows.

    ``n_rows`` and ``width``, in bytes, are rounded up to whole tiles.
    """
    for j in range(0, width, TILE_BYTES):
        for i in range(0, n_rows, TILE_ROWS):
            to = c.at + i * c.row + j
            start = to if add else 0
            at = a.at + i * a.row
            tile(like, at, a.row, a.column, b.at + j, b.row, to, c.row, n_sum, start, c.row)
