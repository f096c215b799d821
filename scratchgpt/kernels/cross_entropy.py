"""Cross-entropy, one pass over each row of logits; see :mod:`scratchgpt.ops.cross_entropy`."""

import numpy as np
from numba import prange

from scratchgpt.backend import Array
from scratchgpt.kernels.addresses import bring
from scratchgpt.kernels.apart import address_of, call
from scratchgpt.kernels.fast_math import exp
from scratchgpt.kernels.jit import kernel, part

ROWS = 4  # a thread takes this many at a time


@part
def _forward_rows(logits, log_total, mean, first, last):
    n_vocab, real = logits.shape[1], logits.dtype.type
    for i in range(first, last):
        row = logits[i]
        highest = np.finfo(logits.dtype).min
        for j in range(n_vocab):
            highest = max(highest, row[j])
        total, plain = real(0), real(0)
        for j in range(n_vocab):
            total += exp(row[j] - highest)
            plain += row[j]
        log_total[i] = highest + np.log(total)
        mean[i] = plain / real(n_vocab)


@kernel
def _forward(rows, logits, log_total, mean):
    n_rows = logits.shape[0]
    for block in prange((n_rows + ROWS - 1) // ROWS):
        first, last = block * ROWS, min(n_rows, (block + 1) * ROWS)
        call(_forward_rows, rows, (logits, log_total, mean, first, last))


@part
def _backward_rows(logits, log_total, targets, weights, on_target, elsewhere, dlogits, first, last):
    n_vocab, real = logits.shape[1], logits.dtype.type
    for i in range(first, last):
        out, weight, shift = dlogits[i], weights[i], log_total[i]
        if weight == real(0):
            for j in range(n_vocab):
                out[j] = real(0)
        else:
            bring(logits[i], out)
            for j in range(n_vocab):
                out[j] = weight * (exp(out[j] - shift) - elsewhere)
            out[targets[i]] -= weight * on_target


@kernel
def _backward(rows, logits, log_total, targets, weights, on_target, elsewhere, dlogits):
    n_rows = logits.shape[0]
    for block in prange((n_rows + ROWS - 1) // ROWS):
        first, last = block * ROWS, min(n_rows, (block + 1) * ROWS)
        arrays = (logits, log_total, targets, weights, on_target, elsewhere, dlogits)
        call(_backward_rows, rows, (*arrays, first, last))


_forward_address = address_of(_forward_rows, lambda x: (x.reshape(0, 0), x, x, 0, 0))
_backward_address = address_of(
    _backward_rows,
    lambda x: (
        *(x.reshape(0, 0), x, np.empty(0, np.int64), x, x.dtype.type(0), x.dtype.type(0)),
        *(x.reshape(0, 0), 0, 0),
    ),
)


def cross_entropy_forward(logits: Array, log_total: Array, mean: Array) -> None:
    """Of each row of logits (n, V) the log-sum-exp (n,) and the mean (n,), all of one dtype."""
    _forward(_forward_address(logits), np.ascontiguousarray(logits), log_total, mean)


def cross_entropy_backward(
    logits: Array,
    log_total: Array,
    targets: Array,
    weights: Array,
    label_smoothing: float,
    dlogits: Array,
) -> None:
    """Write weight (softmax - target distribution) to dlogits (n, V), which may be the logits.

    Parameters
    ----------
    logits, dlogits : float array (n, V)
        C-contiguous.
    log_total, weights : float array (n,)
        Of the same dtype.
    targets : int64 array (n,)
    label_smoothing : float
    """
    real = logits.dtype.type
    on_target, elsewhere = real(1 - label_smoothing), real(label_smoothing / logits.shape[-1])
    arrays = (logits, log_total, targets, weights, on_target, elsewhere, dlogits)
    _backward(_backward_address(logits), *arrays)
