"""Cross-entropy, one pass over each row of logits; see :mod:`scratchgpt.ops.cross_entropy`."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import copy_into
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.fast_math import exp

ROWS = 4  # rows per block of a thread


@kernel
def _forward(block, logits, log_total, mean):
    n_rows, n_vocab = logits.shape
    real = logits.dtype.type
    for i in range(block * ROWS, min(n_rows, (block + 1) * ROWS)):
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
def _backward(block, logits, log_total, targets, weights, on_target, elsewhere, dlogits):
    n_rows, n_vocab = logits.shape
    real = logits.dtype.type
    for i in range(block * ROWS, min(n_rows, (block + 1) * ROWS)):
        out, weight, shift = dlogits[i], weights[i], log_total[i]
        if weight == real(0):
            for j in range(n_vocab):
                out[j] = real(0)
        else:
            copy_into(out, logits[i])
            for j in range(n_vocab):
                out[j] = weight * (exp(out[j] - shift) - elsewhere)
            out[targets[i]] -= weight * on_target


def cross_entropy_forward(logits: Array, log_total: Array, mean: Array) -> None:
    """Write log-sum-exp (n,) and mean (n,) of each row of logits (n, V), all of one dtype."""
    _forward(-(-len(logits) // ROWS), np.ascontiguousarray(logits), log_total, mean)


def cross_entropy_backward(
    logits: Array,
    log_total: Array,
    targets: Array,
    weights: Array,
    label_smoothing: float,
    dlogits: Array,
) -> None:
    """Write weight * (softmax - target distribution) to dlogits (n, V), which may be the logits.

    Parameters
    ----------
    logits, dlogits : float array (n, V)
        C-contiguous.
    log_total, weights : float array (n,)
        Same dtype as the logits.
    targets : int64 array (n,)
    label_smoothing : float
    """
    real = logits.dtype.type
    on_target, elsewhere = real(1 - label_smoothing), real(label_smoothing / logits.shape[-1])
    arrays = (logits, log_total, targets, weights, on_target, elsewhere, dlogits)
    _backward(-(-len(logits) // ROWS), *arrays)
