"""Matrices in the scratch memory of a thread, their sizes rounded up to whole tiles."""

from scratchgpt.kernels.addresses import copy
from scratchgpt.kernels.fast_math import ZERO
from scratchgpt.kernels.jit import part
from scratchgpt.kernels.tile import COLUMNS, ITEM, ROWS, WIDTH, tile, transpose_block


@part
def load(address, row_stride, n_rows, n, to):
    """Copy rows of n elements to the scratch matrix ``to``, and fill up with zeros."""
    for i in range(to.shape[0]):
        row = to[i]
        filled = n if i < n_rows else 0
        if filled:
            copy(row.ctypes.data, address + i * row_stride * ITEM, n * ITEM)
        for j in range(filled, row.size):
            row[j] = ZERO


@part
def store(source, address, row_stride, n_rows, n):
    """Copy the first n elements of the first rows of a scratch matrix to their place."""
    for i in range(n_rows):
        copy(address + i * row_stride * ITEM, source[i].ctypes.data, n * ITEM)


@part
def transpose(x, to):
    """x (m, n) to (n, m), both rounded up to multiples of 16."""
    for i in range(0, x.shape[0], WIDTH):
        for j in range(0, x.shape[1], WIDTH):
            transpose_block(
                x[i].ctypes.data + j * ITEM,
                x.shape[1],
                to[j].ctypes.data + i * ITEM,
                to.shape[1],
            )


@part
def product(a, a_row, a_column, b, b_row, c, c_row, n_rows, n_columns, n_sum, add):
    """C (=|+=) A B by tiles; addresses, strides in elements, sizes whole tiles."""
    for j in range(0, n_columns, COLUMNS):
        for i in range(0, n_rows, ROWS):
            tile(
                a + i * a_row * ITEM,
                a_row,
                a_column,
                b + j * ITEM,
                b_row,
                c + (i * c_row + j) * ITEM,
                c_row,
                n_sum,
                add,
            )


@part
def round_up(n, step):
    return (n + step - 1) // step * step


@part
def take(scratch, used, n_rows, n_columns):
    """The next matrix of a thread's scratch memory, and how much is used then."""
    end = used + n_rows * n_columns
    return scratch[used:end].reshape(n_rows, n_columns), end
