"""Products of a few vectors with a matrix, each element of which is read from memory once.

A float32 matrix (n_in, n_out) is the one that training uses: its rows, each times an input, add up
to the outputs. An int8 matrix lies the other way round, (n_out, n_in): each row times the inputs
is one output, so that there is one sum to keep and one scale to apply.
"""

from numba import prange

from scratchgpt.kernels.fast_math import ZERO, F
from scratchgpt.kernels.gelu import exact_gelu, tanh_gelu
from scratchgpt.kernels.jit import kernel, part

PIECES = 8  # of a matrix, for the threads to share
PIECE = 32_768  # elements that are worth a thread's while
# What becomes of a product.
STORE, ADD, GELU_TANH, GELU, RELU = range(5)


@part
def _add_eight(x, rows, out):
    """out += x (8,) times rows (8, n): for several texts the weights come from the cache, and
    what counts is how often the sums are read and written."""
    w0, w1, w2, w3 = rows[0], rows[1], rows[2], rows[3]
    w4, w5, w6, w7 = rows[4], rows[5], rows[6], rows[7]
    x0, x1, x2, x3, x4, x5, x6, x7 = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
    for j in range(out.size):
        low = x0 * F(w0[j]) + x1 * F(w1[j]) + x2 * F(w2[j]) + x3 * F(w3[j])
        high = x4 * F(w4[j]) + x5 * F(w5[j]) + x6 * F(w6[j]) + x7 * F(w7[j])
        out[j] += low + high


@part
def _sweep(x, weights, start, stop, sums):
    """sums (B, n_out) = x (B, start:stop) times those rows of weights (n_in, n_out)."""
    for b in range(x.shape[0]):
        out = sums[b, : weights.shape[1]]
        for j in range(out.size):
            out[j] = ZERO
    first_alone = start
    if x.shape[0] > 1:
        first_alone = stop - (stop - start) % 8
        for i in range(start, first_alone, 8):
            for b in range(x.shape[0]):
                _add_eight(x[b, i : i + 8], weights[i : i + 8], sums[b, : weights.shape[1]])
    for i in range(first_alone, stop):
        # One row at a time: memory gives a single stream faster than several side by side.
        row = weights[i]
        for b in range(x.shape[0]):
            out, factor = sums[b, : row.size], x[b, i]
            for j in range(row.size):
                out[j] += factor * F(row[j])


@part
def _dot(row, x):
    total = ZERO
    for j in range(x.size):
        total += F(row[j]) * x[j]
    return total


@part
def _dots(x, table, scale, start, stop, out):
    """out (B, start:stop) = x (B, n) times those rows of a table (n_rows, n)."""
    if x.shape[0] == 1:
        xs, outs = x[0], out[0]
        for v in range(start, stop):
            outs[v] = _dot(table[v], xs)
    else:
        for v in range(start, stop):
            for b in range(x.shape[0]):
                out[b, v] = _dot(table[v], x[b])
    if scale.size:
        for b in range(x.shape[0]):
            for v in range(start, stop):
                out[b, v] *= scale[v]


@part
def _finish(total, bias, y, mode):
    """Bias and activation, or addition to the residual stream."""
    n = y.size
    if bias.size:
        for j in range(n):
            total[j] += bias[j]
    if mode == STORE:
        for j in range(n):
            y[j] = total[j]
    elif mode == ADD:
        for j in range(n):
            y[j] += total[j]
    elif mode == GELU_TANH:
        for j in range(n):
            y[j] = tanh_gelu(total[j])
    elif mode == GELU:
        for j in range(n):
            y[j] = exact_gelu(total[j])
    else:
        for j in range(n):
            y[j] = ZERO if total[j] <= ZERO else total[j]


@part
def _add_up(sums, b, bias, y, mode):
    """The sums of all pieces, for row b; then what becomes of the product."""
    total = sums[0, b, : y.size]
    for piece in range(1, sums.shape[0]):
        more = sums[piece, b, : y.size]
        for j in range(y.size):
            total[j] += more[j]
    _finish(total, bias, y, mode)


@kernel
def _sweep_in_pieces(x, weights, bias, sums, y, mode):
    n_in, n_pieces = weights.shape[0], sums.shape[0]
    for piece in prange(n_pieces):
        start, stop = n_in * piece // n_pieces, n_in * (piece + 1) // n_pieces
        _sweep(x, weights, start, stop, sums[piece])
    if x.shape[0] > 1:
        for b in prange(x.shape[0]):
            _add_up(sums, b, bias, y[b], mode)
    else:
        _add_up(sums, 0, bias, y[0], mode)


@part
def _dots_and_finish(x, weights, scale, bias, start, stop, sums, y, mode):
    _dots(x, weights, scale, start, stop, sums)
    few = bias[start:stop] if bias.size else bias
    for b in range(x.shape[0]):
        _finish(sums[b, start:stop], few, y[b, start:stop], mode)


@kernel
def _dots_in_pieces(x, weights, scale, bias, n_pieces, sums, y, mode):
    n_out = weights.shape[0]
    for piece in prange(n_pieces):
        start, stop = n_out * piece // n_pieces, n_out * (piece + 1) // n_pieces
        _dots_and_finish(x, weights, scale, bias, start, stop, sums, y, mode)


@part
def linear(x, weights, scale, bias, sums, y, mode):
    """y (B, n_out) = what ``mode`` makes of x W scale + bias; sums (PIECES, B, at least n_out).

    Into how many pieces the work is cut depends on the size of W alone.
    """
    n_pieces = min(PIECES, max(1, weights.size // PIECE))
    if weights.itemsize == 1:
        if n_pieces > 1:
            _dots_in_pieces(x, weights, scale, bias, n_pieces, sums[0], y, mode)
        else:
            _dots_and_finish(x, weights, scale, bias, 0, y.shape[1], sums[0], y, mode)
    elif n_pieces > 1:
        _sweep_in_pieces(x, weights, bias, sums[:n_pieces], y, mode)
    else:
        _sweep(x, weights, 0, weights.shape[0], sums[0])
        for b in range(x.shape[0]):
            _add_up(sums[:1], b, bias, y[b], mode)


@kernel
def head(x, table, scale, logits):
    """logits (B, V) = x (B, C) times the rows of a table (V, C), each with its scale."""
    n_vocab = table.shape[0]
    n_pieces = min(8 * PIECES, max(1, table.size // PIECE))
    for piece in prange(n_pieces):
        start, stop = n_vocab * piece // n_pieces, n_vocab * (piece + 1) // n_pieces
        _dots(x, table, scale, start, stop, logits)
