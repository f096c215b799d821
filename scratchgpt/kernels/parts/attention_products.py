"""Products of a strip of queries with the keys that it can see; see :mod:`.attention_heads`.

A causal mask hides the keys after a query, and a window also those before it. The products skip
what is hidden, in whole tiles. Addresses, strides and widths are in bytes.
"""

from typing import Any, NamedTuple

from scratchgpt.kernels.compiler.cpu import TILE_ROWS, VECTOR_BYTES
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.parts.attention_scores import STRIP
from scratchgpt.kernels.parts.scratch import TILE_BYTES, Matrix, Rows, product, round_up
from scratchgpt.kernels.parts.tile import half_tile


class Strip(NamedTuple):
    """A strip of queries and its keys, both counted from the first of the strip.

    Query i attends to the keys from ``diagonal`` + i - ``window`` + 1 to ``diagonal`` + i.
    """

    n_rows: Any  # queries
    start: Any  # the first key, a whole number of tiles
    n_keys: Any  # at least 1
    diagonal: Any
    window: Any


@part
def strip_of(first, n_queries, n_keys, causal, window):
    """Return the strip of the queries from ``first`` on."""
    n_rows = min(STRIP, n_queries - first)
    if not causal:
        return Strip(n_rows, 0, n_keys, n_keys, window)
    # If no query has a key in its window, the strip has some keys, and all of them are hidden.
    start = min(max(0, first - window + 1), n_keys - 1) // TILE_ROWS * TILE_ROWS
    return Strip(n_rows, start, min(n_keys, first + n_rows) - start, first - start, window)


@part
def strip_scores(like, a, b, c, strip, n_sum):
    """Compute C (n_keys, STRIP) = A B, with the queries in columns.

    A is Rows, B and C are addresses. A vector of queries that are all before a key is not written.
    """
    item, row = like.itemsize, STRIP * like.itemsize
    for s in range(0, strip.n_keys, TILE_ROWS):
        skip = max(0, s - strip.diagonal) * item // VECTOR_BYTES * VECTOR_BYTES
        at, to = a.at + s * a.row, c + s * row
        if skip % TILE_BYTES:
            half_tile(like, at, a.row, item, b + skip, row, to + skip, row, n_sum, 0, 0)
            skip += VECTOR_BYTES
        keys, queries = Matrix(at, a.row, item), Rows(b + skip, row)
        product(like, keys, queries, Rows(to + skip, row), TILE_ROWS, row - skip, n_sum, False)


@part
def sum_over_keys(like, a, b, c, strip, width):
    """Compute C (n_rows, width) = A B, with A (n_rows, n_keys) the transpose of the weights.

    A is an address, B and C are Rows. The weights of a query are 0 outside of its window.
    """
    item, row = like.itemsize, STRIP * like.itemsize
    for i in range(0, strip.n_rows, TILE_ROWS):
        stop = min(strip.n_keys, strip.diagonal + i + TILE_ROWS)
        start = min(max(0, strip.diagonal + i - strip.window + 1), stop - 1)
        weights = Matrix(a + start * row + i * item, item, row)
        values, to = Rows(b.at + start * b.row, b.row), Rows(c.at + i * c.row, c.row)
        product(like, weights, values, to, TILE_ROWS, width, stop - start, False)


@part
def sum_over_queries(like, a, b, c, strip, reached, width):
    """Compute C (n_keys, width) += A B, with A (n_keys, n_rows) the weights.

    A is an address, B and C are Rows. Rows of C from ``reached`` on are not initialized yet. The
    weights of a query are 0 outside of its window.
    """
    item, row = like.itemsize, STRIP * like.itemsize
    for s in range(0, round_up(strip.n_keys, TILE_ROWS), TILE_ROWS):
        start = max(0, s - strip.diagonal)
        stop = min(strip.n_rows, s + TILE_ROWS - 1 - strip.diagonal + strip.window)
        weights = Matrix(a + s * row + start * item, row, item)
        others, to = Rows(b.at + start * b.row, b.row), Rows(c.at + s * c.row, c.row)
        n_sum = max(1, stop - start)
        product(like, weights, others, to, TILE_ROWS, width, n_sum, s < reached)
