"""Products of a few vectors with a matrix, reading each element of the matrix once.

A float32 matrix (n_in, n_out) has the layout of training: the outputs are the sum of its rows, each
times an input. An int8 matrix is transposed, (n_out, n_in): the dot product of a row and the inputs
is one output, so there is one sum and one scale per row. Both are divided into pieces of rows. The
number of pieces depends only on the size of the matrix.
"""

from typing import Any, NamedTuple

from scratchgpt.kernels.compiler.cpu import HAS_INT16_DOT
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.decoding.activations import activate, soft_cap
from scratchgpt.kernels.decoding.int8_dot import int8_dots, round_inputs
from scratchgpt.kernels.parts.fast_math import ONE, ZERO, F

SWEEP_PIECES, DOT_PIECES, HEAD_PIECES = 8, 16, 16  # maximum pieces per kind of matrix
FEW = 8  # pieces for a single row, each longer than the time to start a piece
COLUMNS = 512  # columns of eight rows of float32 weights, which fill half of the L1 cache
PIECE = 32_768  # minimum number of elements per piece
ADD = -1  # instead of an activation: add the result to y


class Inputs(NamedTuple):
    """Factors for int8 weights; see :mod:`scratchgpt.kernels.decoding.int8_dot`."""

    rounded: Any  # (B, widest) int16
    units: Any  # (B,) scale: the value of one unit


class Product(NamedTuple):
    """A product y (B, n_out) = x W scale + bias, followed by an activation, or added to y."""

    x: Any  # (B, n_in)
    weights: Any  # (n_in, n_out) float32, or (n_out, n_in) int8
    scale: Any  # (n_out,) for int8 weights
    bias: Any  # (n_out,), or without elements
    y: Any
    mode: Any  # an activation, or ADD


@part
def _add_eight(x, weights, i, start, out):
    """Add x (8,) times eight rows of weights, from row i and column ``start``, to out (n,).

    For several texts the weights come from the cache, and the time depends on how often the sums
    are read and written.
    """
    stop = start + out.size
    w0, w1 = weights[i][start:stop], weights[i + 1][start:stop]
    w2, w3 = weights[i + 2][start:stop], weights[i + 3][start:stop]
    w4, w5 = weights[i + 4][start:stop], weights[i + 5][start:stop]
    w6, w7 = weights[i + 6][start:stop], weights[i + 7][start:stop]
    x0, x1, x2, x3, x4, x5, x6, x7 = x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
    for j in range(out.size):
        low = x0 * F(w0[j]) + x1 * F(w1[j]) + x2 * F(w2[j]) + x3 * F(w3[j])
        high = x4 * F(w4[j]) + x5 * F(w5[j]) + x6 * F(w6[j]) + x7 * F(w7[j])
        out[j] += low + high


@part
def _sweep(x, weights, start, stop, sums):
    """Compute sums (B, n_out) = x (B, start:stop) times these rows of weights (n_in, n_out)."""
    for b in range(x.shape[0]):
        out = sums[b, : weights.shape[1]]
        for j in range(out.size):
            out[j] = ZERO
    first_alone = start
    if x.shape[0] > 1:
        first_alone = stop - (stop - start) % 8
        for i in range(start, first_alone, 8):
            for j in range(0, weights.shape[1], COLUMNS):
                end = min(j + COLUMNS, weights.shape[1])
                for b in range(x.shape[0]):
                    _add_eight(x[b][i : i + 8], weights, i, j, sums[b][j:end])
    for i in range(first_alone, stop):
        # One row at a time: a single stream is read from memory faster than several.
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
def _dots(x, inputs, table, scale, start, stop, out):
    """Compute out (B, start:stop) = x (B, n) times rows start:stop of a table (n_rows, n)."""
    n_texts = x.shape[0]
    if table.itemsize != 1 or not HAS_INT16_DOT:
        for v in range(start, stop):
            for b in range(n_texts):
                out[b, v] = _dot(table[v], x[b])
    else:
        int8_dots(table[start:stop], inputs.rounded[:, : x.shape[1]], out[:, start:stop])
    if table.itemsize == 1:
        for b in range(n_texts):
            unit = inputs.units[b] if HAS_INT16_DOT else ONE
            for v in range(start, stop):
                out[b, v] *= unit * scale[v]


@part
def round_for(weights, x, inputs):
    """Round x (B, n) to int16, once for all pieces, if the CPU multiplies int8 weights with it."""
    if weights.itemsize == 1 and HAS_INT16_DOT:
        for b in range(x.shape[0]):
            inputs.units[b] = round_inputs(x[b], inputs.rounded[b])


@part
def _finish(total, bias, y, mode):
    """Apply bias and activation, or add to the residual stream."""
    n = y.size
    if bias.size:
        for j in range(n):
            total[j] += bias[j]
    if mode == ADD:
        for j in range(n):
            y[j] += total[j]
    else:
        activate(total, mode, y)


@part
def _add_up(sums, b, bias, y, mode):
    """Add the sums of all pieces for row b, then apply ``mode``."""
    total = sums[0, b, : y.size]
    for piece in range(1, sums.shape[0]):
        more = sums[piece, b, : y.size]
        for j in range(y.size):
            total[j] += more[j]
    _finish(total, bias, y, mode)


@part
def linear_pieces(weights, n_texts):
    most = SWEEP_PIECES
    if weights.itemsize == 1:
        most = FEW if n_texts == 1 else DOT_PIECES
    return min(most, max(1, weights.size // PIECE))


@part
def linear_piece(piece, product, inputs, sums):
    """Compute a piece of a product.

    With an int8 matrix, the outputs of its rows are written to y. With a float32 matrix, partial
    sums are written to ``sums`` (pieces, B, at least n_out); :func:`finish_linear` computes y from
    them when all pieces are done.
    """
    x, weights, scale, bias, y, mode = product
    n_pieces, n_rows = linear_pieces(weights, x.shape[0]), weights.shape[0]
    start, stop = n_rows * piece // n_pieces, n_rows * (piece + 1) // n_pieces
    if weights.itemsize == 1:
        _dots(x, inputs, weights, scale, start, stop, sums[0])
        few = bias[start:stop] if bias.size else bias
        for b in range(x.shape[0]):
            _finish(sums[0, b, start:stop], few, y[b, start:stop], mode)
    else:
        _sweep(x, weights, start, stop, sums[piece])


@part
def finish_linear(product, sums):
    weights, y = product.weights, product.y
    if weights.itemsize != 1:
        for b in range(y.shape[0]):
            pieces = sums[: linear_pieces(weights, y.shape[0])]
            _add_up(pieces, b, product.bias, y[b], product.mode)


@part
def head_pieces(table):
    return min(HEAD_PIECES, max(1, table.size // PIECE))


@part
def head_piece(piece, x, inputs, table, scale, cap, logits):
    """Compute a piece of logits (B, V) = x (B, C) times scaled rows of a table (V, C).

    The logits have a soft cap, unless ``cap`` is 0.
    """
    n_pieces, n_vocab = head_pieces(table), table.shape[0]
    start, stop = n_vocab * piece // n_pieces, n_vocab * (piece + 1) // n_pieces
    _dots(x, inputs, table, scale, start, stop, logits)
    if cap > ZERO:
        for b in range(x.shape[0]):
            soft_cap(logits[b, start:stop], cap)
