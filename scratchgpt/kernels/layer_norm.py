"""Layer normalization, one pass over each row; see :mod:`scratchgpt.ops.layer_norm`."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.memory import empty, scope

ROWS = 32  # rows per block of a thread


class Inputs(NamedTuple):
    """Inputs of the forward pass as rows (n, C); an optional array may have no elements."""

    x: Any
    branch: Any  # added to x first
    weight: Any  # (C,)
    bias: Any  # (C,)
    eps: Any


class Saved(NamedTuple):
    """Saved arrays that the backward pass reads; see ``ops.layer_norm.LayerNormSaved``."""

    x: Any  # (n, C)
    weight: Any  # (C,)
    mean: Any  # (n,)
    rstd: Any  # (n,)


@kernel
def _forward(block, inputs, total, y, mean, rstd):
    """Normalize x, or x + branch if there is a branch; the sum is written to ``total`` first."""
    x, branch, weight, bias, eps = inputs
    n_channels = x.shape[1]
    real = x.dtype.type
    for i in range(block * ROWS, min(x.shape[0], (block + 1) * ROWS)):
        row, out = x[i], y[i]
        if branch.size:
            one, other, row = x[i], branch[i], total[i]
            for j in range(n_channels):
                row[j] = one[j] + other[j]
        row_sum = real(0)
        for j in range(n_channels):
            row_sum += row[j]
        mu = row_sum / real(n_channels)
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
def _backward(block, dy, saved, residual_gradient, dx, dweights, dbiases):
    x, weight, mean, rstd = saved
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
        if residual_gradient.size:
            other = residual_gradient[i]
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
    """Normalize x + branch, which is written to ``total``; total may be x or branch."""
    n_channels = x.shape[-1]
    rows = _rows(x, x)
    inputs = Inputs(
        x=rows,
        branch=_rows(branch, x),
        weight=np.ascontiguousarray(weight),
        bias=np.empty(0, x.dtype) if bias is None else np.ascontiguousarray(bias),
        eps=x.dtype.type(eps),
    )
    y, mean, rstd = y.reshape(-1, n_channels), mean.reshape(-1), rstd.reshape(-1)
    _forward(-(-len(rows) // ROWS), inputs, _rows(total, x), y, mean, rstd)


def layer_norm_backward(
    dy: Array,
    x: Array,
    weight: Array,
    mean: Array,
    rstd: Array,
    residual_gradient: Array | None,
    dx: Array,
) -> tuple[Array, Array]:
    """Write dx (..., C), C-contiguous, plus ``residual_gradient``; return dweight and dbias (C,).

    Each block of rows sums its share of the parameter gradients, then the blocks are summed.
    """
    n_channels = x.shape[-1]
    rows = _rows(x, x)
    n_blocks = -(-len(rows) // ROWS)
    with scope():
        partial = empty((2, n_blocks, n_channels), like=x)
        saved = Saved(
            x=rows,
            weight=np.ascontiguousarray(weight),
            mean=np.ascontiguousarray(mean).reshape(-1),
            rstd=np.ascontiguousarray(rstd).reshape(-1),
        )
        residual_gradient, dx = _rows(residual_gradient, x), dx.reshape(-1, n_channels)
        _backward(n_blocks, _rows(dy, x), saved, residual_gradient, dx, *partial)
        dweight, dbias = partial.sum(axis=1)
    return dweight, dbias


def _rows(x: Array | None, like: Array) -> Array:
    """Return x as C-contiguous rows; an array without elements if x is None."""
    if x is None:
        return np.empty((0, 0), like.dtype)
    return np.ascontiguousarray(x).reshape(-1, x.shape[-1])
