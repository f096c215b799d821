"""Layer normalisation, one pass over each row; see :mod:`scratchgpt.ops.layer_norm`."""

import numpy as np
from numba import prange

from scratchgpt.backend import Array
from scratchgpt.kernels.jit import kernel
from scratchgpt.memory import empty, scope

ROWS = 32  # a thread takes this many at a time


@kernel
def _forward(x, weight, bias, eps, y, mean, rstd):
    n_rows, n_channels = x.shape
    for block in prange((n_rows + ROWS - 1) // ROWS):
        real = x.dtype.type
        for i in range(block * ROWS, min(n_rows, (block + 1) * ROWS)):
            row, out = x[i], y[i]
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
def _backward(dy, x, weight, mean, rstd, dx, dweights, dbiases):
    n_rows, n_channels = x.shape
    for block in prange(dweights.shape[0]):
        real = x.dtype.type
        dweight, dbias = dweights[block], dbiases[block]
        for j in range(n_channels):
            dweight[j] = real(0)
            dbias[j] = real(0)
        for i in range(block * ROWS, min(n_rows, (block + 1) * ROWS)):
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
            for j in range(n_channels):
                dweight[j] += g[j] * ((row[j] - mu) * inverse)
                dbias[j] += g[j]


def layer_norm_forward(
    x: Array, weight: Array, bias: Array | None, eps: float, y: Array, mean: Array, rstd: Array
) -> None:
    """Write y (..., C), mean and rstd (..., 1), all C-contiguous, from x (..., C)."""
    n_channels = x.shape[-1]
    _forward(
        np.ascontiguousarray(x).reshape(-1, n_channels),
        np.ascontiguousarray(weight),
        np.empty(0, x.dtype) if bias is None else np.ascontiguousarray(bias),
        x.dtype.type(eps),
        y.reshape(-1, n_channels),
        mean.reshape(-1),
        rstd.reshape(-1),
    )


def layer_norm_backward(
    dy: Array, x: Array, weight: Array, mean: Array, rstd: Array, dx: Array
) -> tuple[Array, Array]:
    """Write dx (..., C), C-contiguous; returns dweight (C,) and dbias (C,).

    Each block of rows sums its share of the parameter gradients, then the blocks are added up.
    """
    n_channels = x.shape[-1]
    rows = x.size // n_channels
    with scope():
        partial = empty((2, -(-rows // ROWS), n_channels), like=x)
        _backward(
            np.ascontiguousarray(dy).reshape(-1, n_channels),
            np.ascontiguousarray(x).reshape(-1, n_channels),
            np.ascontiguousarray(weight),
            np.ascontiguousarray(mean).reshape(-1),
            np.ascontiguousarray(rstd).reshape(-1),
            dx.reshape(-1, n_channels),
            *partial,
        )
        dweight, dbias = partial.sum(axis=1)
    return dweight, dbias
