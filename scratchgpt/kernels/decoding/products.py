"""Products of a few vectors with a matrix, each element of which is read from memory once.

A float32 matrix (n_in, n_out) is the one that training uses: its rows, each times an input, add up
to the outputs. An int8 matrix lies the other way round, (n_out, n_in): each row times the inputs
is one output, so that there is one sum to keep and one scale to apply. Either is cut into pieces by
its rows, into how many depends on its size alone.
"""

from typing import Any, NamedTuple

from scratchgpt.kernels.compiler.cpu import HAS_INT16_DOT
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.decoding.int8_dot import int8_dots, round_inputs
from scratchgpt.kernels.gelu import exact_gelu, tanh_gelu
from scratchgpt.kernels.parts.fast_math import ONE, ZERO, F

SWEEP_PIECES, DOT_PIECES, HEAD_PIECES = 8, 16, 16  # at most, of a matrix of each kind
FEW = 8  # pieces for a single row, of which each takes longer than to begin one
COLUMNS = 512  # of eight rows of float32 weights, which together fill half of the nearest cache
PIECE = 32_768  # elements that are worth a thread's while
# What becomes of a product.
STORE, ADD, GELU_TANH, GELU, RELU = range(5)


class Inputs(NamedTuple):
    """What is multiplied with int8 weights; see :mod:`scratchgpt.kernels.decoding.int8_dot`."""

    rounded: Any  # (B, widest) int16
    units: Any  # (B,) what one of its units stands for


class Product(NamedTuple):
    """y (B, n_out) = what ``mode`` makes of x W scale + bias."""

    x: Any  # (B, n_in)
    weights: Any  # (n_in, n_out) float32, or (n_out, n_in) int8
    scale: Any  # (n_out,) of int8 weights
    bias: Any  # (n_out,), or without elements
    y: Any
    mode: Any


@part
def _add_eight(x, weights, i, start, out):
    """out (n,) += x (8,) times eight rows of weights, from row i and column ``start`` on: for
    several texts the weights come from the cache, and what counts is how often the sums are read
    and written."""
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
    """sums (B, n_out) = x (B, start:stop) times those rows of weights (n_in, n_out)."""
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
def _dots(x, inputs, table, scale, start, stop, out):
    """out (B, start:stop) = x (B, n) times those rows of a table (n_rows, n)."""
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
    """Where weights are int8, and the CPU can use them: x (B, n) as int16, once for all pieces."""
    if weights.itemsize == 1 and HAS_INT16_DOT:
        for b in range(x.shape[0]):
            inputs.units[b] = round_inputs(x[b], inputs.rounded[b])


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


@part
def linear_pieces(weights, n_texts):
    most = SWEEP_PIECES
    if weights.itemsize == 1:
        most = FEW if n_texts == 1 else DOT_PIECES
    return min(most, max(1, weights.size // PIECE))


@part
def linear_piece(piece, product, inputs, sums):
    """A piece of a product.

    An int8 matrix leaves the outputs of its rows in y; a float32 one leaves sums (pieces, B, at
    least n_out), from which :func:`finish_linear` makes y when all pieces are there.
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
def head_piece(piece, x, inputs, table, scale, logits):
    """A piece of logits (B, V) = x (B, C) times the rows of a table (V, C), each with its scale."""
    n_pieces, n_vocab = head_pieces(table), table.shape[0]
    start, stop = n_vocab * piece // n_pieces, n_vocab * (piece + 1) // n_pieces
    _dots(x, inputs, table, scale, start, stop, logits)
