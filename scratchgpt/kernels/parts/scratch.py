"""Matrices in the scratch memory of a thread, their sizes rounded up to whole tiles.

Here and in what uses it, a matrix is an address and strides in bytes, and widths are in bytes.
"""

from scratchgpt.kernels.compiler.addresses import clear, copy
from scratchgpt.kernels.compiler.cpu import TILE_ROWS, VECTOR_BYTES
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.parts.tile import tile, transpose_block

TILE_BYTES = 2 * VECTOR_BYTES  # width of a tile
BLOCK_BYTES = VECTOR_BYTES * VECTOR_BYTES // 4  # of a square of vectors, at most


@part
def round_up(n, step):
    return (n + step - 1) // step * step


@part
def load(source, source_row, n_rows, width, target, target_row, target_rows, target_width):
    """Copy rows of ``width`` bytes, and fill up with zeros to the size of the target."""
    for i in range(n_rows):
        copy(target + i * target_row, source + i * source_row, width)
        if width < target_width:
            clear(target + i * target_row + width, target_width - width)
    for i in range(n_rows, target_rows):
        clear(target + i * target_row, target_width)


@part
def store(source, source_row, n_rows, width, target, target_row):
    """Copy rows of ``width`` bytes to their place."""
    for i in range(n_rows):
        copy(target + i * target_row, source + i * source_row, width)


@part
def transpose(like, source, source_row, n_rows, n_columns, target, target_row, block):
    """Transpose a matrix (n_rows, n_columns); the target is filled up with zeros to whole vectors.

    ``block`` is scratch memory of BLOCK_BYTES.
    """
    item = like.itemsize
    n = VECTOR_BYTES // item
    for i in range(0, n_rows, n):
        for j in range(0, n_columns, n):
            at, row = source + i * source_row + j * item, source_row
            rows, columns = min(n, n_rows - i), min(n, n_columns - j)
            if rows < n or columns < n:
                load(at, row, rows, columns * item, block, VECTOR_BYTES, n, VECTOR_BYTES)
                at, row = block, VECTOR_BYTES
            transpose_block(like, at, row, target + j * target_row + i * item, target_row)


@part
def product(like, a, a_row, a_column, b, b_row, c, c_row, n_rows, width, n_sum, add):
    """C (=|+=) A B by tiles; ``n_rows`` and ``width``, in bytes, are rounded up to whole tiles."""
    for j in range(0, width, TILE_BYTES):
        for i in range(0, n_rows, TILE_ROWS):
            at = c + i * c_row + j
            start = at if add else 0
            tile(like, a + i * a_row, a_row, a_column, b + j, b_row, at, c_row, n_sum, start, c_row)
