"""CUDA kernels with one block per row: softmax, cross-entropy, and both normalizations.

All arrays are C-contiguous, with rows along their last axis.
"""

import numpy as np

from scratchgpt.backend import Array, array_module
from scratchgpt.kernels.cuda.launch import THREADS, by_block

PARTS = 64  # of the rows, whose gradients of weight and bias are summed separately


def _rows(x: Array) -> tuple[int]:
    return (x.size // x.shape[-1],)


def softmax_forward(x: Array, y: Array) -> None:
    """Write the softmax of each row to y, which may be x."""
    by_block("softmax_forward", x.dtype, _rows(x), x, y, np.int64(x.shape[-1]))


def softmax_backward(dy: Array, y: Array, dx: Array) -> None:
    """Write the gradient of the softmax to dx, which may be dy."""
    by_block("softmax_backward", y.dtype, _rows(y), dy, y, dx, np.int64(y.shape[-1]))


def cross_entropy_forward(logits: Array, log_total: Array, mean: Array) -> None:
    """Write the log-sum-exp and the mean of each row of logits (..., V)."""
    n = np.int64(logits.shape[-1])
    by_block("cross_entropy_forward", logits.dtype, _rows(logits), logits, log_total, mean, n)


def cross_entropy_backward(
    logits: Array,
    log_total: Array,
    targets: Array,
    weights: Array,
    label_smoothing: float,
    dlogits: Array,
) -> None:
    """Write the gradient of the logits (..., V), which may overwrite them."""
    by_block(
        "cross_entropy_backward",
        logits.dtype,
        _rows(logits),
        logits,
        log_total,
        targets.astype(np.int64, copy=False),
        weights,
        logits.dtype.type(label_smoothing),
        dlogits,
        np.int64(logits.shape[-1]),
    )


def layer_norm_forward(
    x: Array, weight: Array, bias: Array | None, eps: float, y: Array, mean: Array, rstd: Array
) -> None:
    """Write the normalized rows, and the mean and the reciprocal standard deviation of each."""
    arguments = x, weight, bias, x.dtype.type(eps), y, mean, rstd, np.int32(x.shape[-1])
    by_block("layer_norm_forward", x.dtype, _rows(x), *arguments)


def layer_norm_backward(
    dy: Array,
    x: Array,
    weight: Array,
    mean: Array,
    rstd: Array,
    residual_gradient: Array | None,
    dx: Array,
) -> tuple[Array, Array]:
    """Return the gradients of weight and bias; write that of x to dx."""
    [n_rows], n = _rows(x), x.shape[-1]
    parts = min(PARTS, n_rows)
    shape, blocks = (parts, n), (-(-n // THREADS), parts)
    dweight, dbias = (array_module(x).empty(shape, x.dtype) for _ in range(2))
    sizes = np.int64(n_rows), np.int32(n)
    # This comes first, because dx may be dy.
    by_block("layer_norm_parameters", x.dtype, blocks, dy, x, mean, rstd, dweight, dbias, *sizes)
    arguments = dy, x, weight, mean, rstd, residual_gradient, dx, np.int32(n)
    by_block("layer_norm_backward", x.dtype, (n_rows,), *arguments)
    return dweight.sum(axis=0), dbias.sum(axis=0)


def rms_norm_forward(x: Array, weight: Array | None, eps: float, y: Array, rstd: Array) -> None:
    """Write the normalized rows, and the reciprocal of the root of each row's mean square."""
    arguments = x, weight, x.dtype.type(eps), y, rstd, np.int32(x.shape[-1])
    by_block("rms_norm_forward", x.dtype, _rows(x), *arguments)


def rms_norm_backward(
    dy: Array,
    x: Array,
    weight: Array | None,
    rstd: Array,
    residual_gradient: Array | None,
    dx: Array,
) -> Array | None:
    """Return the gradient of the weight, if there is one; write that of x to dx."""
    [n_rows], n = _rows(x), x.shape[-1]
    dweight = None
    if weight is not None:  # this comes first, because dx may be dy
        parts = min(PARTS, n_rows)
        dweights = array_module(x).empty((parts, n), x.dtype)
        sizes, blocks = (np.int64(n_rows), np.int32(n)), (-(-n // THREADS), parts)
        by_block("rms_norm_weight", x.dtype, blocks, dy, x, rstd, dweights, *sizes)
        dweight = dweights.sum(axis=0)
    arguments = dy, x, weight, rstd, residual_gradient, dx, np.int32(n)
    by_block("rms_norm_backward", x.dtype, (n_rows,), *arguments)
    return dweight
