"""Layer normalisation, one pass over each row; see :mod:`scratchgpt.ops.layer_norm`."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.memory import empty, scope

ROWS = 32  # a thread takes this many at a time


@kernel
def _forward(block, x, branch, weight, bias, eps, sums, y, mean, rstd):
    """Of x, or where there is a branch of x + branch, which is written to ``sums`` first."""
    n_channels = x.shape[1]
    real = x.dtype.type
    for i in range(block * ROWS, min(x.shape[0], (block + 1) * ROWS)):
        row, out = x[i], y[i]
        if branch.size:
            one, other, row = x[i], branch[i], sums[i]
            for j in range(n_channels):
                row[j] = one[j] + other[j]
        total = real(0)
        for j in range(n_channels):
            total += row[j]
        mu = total / real(n_channels)
        squares = real(0)
        for j in range(n_channels):
            squares += (row[j] - mu) * (row[j] - mu)
        inverse = real(1) / np.sqrt(squares / real(n_channels) + eps)
        if bias.size:
            for j in range(n_channels):
                out[j] = (row[j] - mu) * inverse * weight[j] + bias[j]
        else:
            for j in range(n_channels):
                out[j] = (row[j] - mu) * inverse * weight[j]
        mean[i] = mu
        rstd[i] = inverse


@kernel
def _backward(block, dy, x, weight, mean, rstd, past, dx, dweights, dbiases):
    n_channels = x.shape[1]
    real = x.dtype.type
    dweight, dbias = dweights[block], dbiases[block]
    for j in range(n_channels):
        dweight[j] = real(0)
        dbias[j] = real(0)
    for i in range(block * ROWS, min(x.shape[0], (block + 1) * ROWS)):
        g, row, out = dy[i], x[i], dx[i]
        mu, inverse = mean[i], rstd[i]
        for j in range(n_channels):
            out[j] = g[j] * weight[j]  # dx_hat
        along_ones, along_x_hat = real(0), real(0)
        for j in range(n_channels):
            along_ones += out[j]
            along_x_hat += out[j] * ((row[j] - mu) * inverse)
        along_ones /= real(n_channels)
        along_x_hat /= real(n_channels)
        for j in range(n_channels):
            x_hat = (row[j] - mu) * inverse
            out[j] = inverse * (out[j] - along_ones - x_hat * along_x_hat)
        if past.size:
            other = past[i]
            for j in range(n_channels):
                out[j] += other[j]
        for j in range(n_channels):
            dweight[j] += g[j] * ((row[j] - mu) * inverse)
            dbias[j] += g[j]


def layer_norm_forward(
    x: Array, weight: Array, bias: Array | None, eps: float, y: Array, mean: Array, rstd: Array
) -> None:
    """Write y (..., C), mean and rstd (..., 1), all C-contiguous, from x (..., C)."""
    residual_layer_norm_forward(x, None, weight, bias, eps, None, y, mean, rstd)


def residual_layer_norm_forward(
    x: Array,
    branch: Array | None,
    weight: Array,
    bias: Array | None,
    eps: float,
    total: Array | None,
    y: Array,
    mean: Array,
    rstd: Array,
) -> None:
    """The same of x + branch, which is written to ``total``; that may be one of the two."""
    n_channels = x.shape[-1]
    rows = _rows(x, x)
    _forward(
        -(-len(rows) // ROWS),
        rows,
        _rows(branch, x),
        np.ascontiguousarray(weight),
        np.empty(0, x.dtype) if bias is None else np.ascontiguousarray(bias),
        x.dtype.type(eps),
        _rows(total, x),
        y.reshape(-1, n_channels),
        mean.reshape(-1),
        rstd.reshape(-1),
    )


def layer_norm_backward(
    dy: Array,
    x: Array,
    weight: Array,
    mean: Array,
    rstd: Array,
    past: Array | None,
    dx: Array,
) -> tuple[Array, Array]:
    """Write dx (..., C), C-contiguous, ``past`` added; returns dweight (C,) and dbias (C,).

    Each block of rows sums its share of the parameter gradients, then the blocks are added up.
    """
    n_channels = x.shape[-1]
    rows = _rows(x, x)
    n_blocks = -(-len(rows) // ROWS)
    with scope():
        partial = empty((2, n_blocks, n_channels), like=x)
        _backward(
            n_blocks,
            _rows(dy, x),
            rows,
            np.ascontiguousarray(weight),
            np.ascontiguousarray(mean).reshape(-1),
            np.ascontiguousarray(rstd).reshape(-1),
            _rows(past, x),
            dx.reshape(-1, n_channels),
            *partial,
        )
        dweight, dbias = partial.sum(axis=1)
    return dweight, dbias


def _rows(x: Array | None, like: Array) -> Array:
    """x as C-contiguous rows; an array without elements where there is none."""
    if x is None:
        return np.empty((0, 0), like.dtype)
    return np.ascontiguousarray(x).reshape(-1, x.shape[-1])
