"""Cross-entropy of a softmax classifier, computed from logits."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import check_whole, plain, real_number
from scratchgpt.backend import (
    Array,
    array_module,
    as_rows,
    check_arrays,
    check_dloss,
    to_device_of,
    use_cuda,
    use_kernels,
)
from scratchgpt.memory import empty, empty_like
from scratchgpt.ops.embedding import check_tokens
from scratchgpt.ops.log_softmax import log_sum_exp
from scratchgpt.ops.observe import observed

IGNORE_INDEX = -100  # PyTorch's default


class CrossEntropySaved(NamedTuple):
    logits: Array  # (..., V)
    log_total: Array  # (..., 1) log of the sum of the exponentials
    targets: Array  # (...) integers; 0 where ignored
    counted: Array  # (...) bool; False where ignored
    n_counted: int
    label_smoothing: float
    reduction: str


@observed
def cross_entropy_forward(
    logits: Array,
    targets: Array,
    ignore_index: int = IGNORE_INDEX,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> tuple[Any, CrossEntropySaved]:
    r"""Cross-entropy between the target distribution q and :math:`p = \mathrm{softmax}(z)`.

    .. math::
        \ell = -\sum_v q_v \log p_v = \log \sum_v e^{z_v} - \sum_v q_v z_v,
        \qquad q_v = (1 - \epsilon)\,\delta_{v,t} + \epsilon / V

    with smoothing :math:`\epsilon` (Szegedy et al. 2015, arXiv:1512.00567, section 7).

    Parameters
    ----------
    logits : array (..., V)
    targets : integer array (...)
        Values from 0 to V - 1, or ``ignore_index``.
    ignore_index : int
        Positions with this target are ignored.
    label_smoothing : float
        From 0 to 1.
    reduction : {"mean", "sum", "none"}
        ``"mean"`` divides by the number of positions that count; it is 0 if no position counts.

    Returns
    -------
    loss : scalar of the dtype of the logits; with ``reduction="none"`` an array (...)
    saved : CrossEntropySaved

    Raises
    ------
    ValueError
        If shapes are incompatible, a target is outside the vocabulary, or a setting is out of
        range.
    TypeError
        If the logits are not a floating-point array, or the targets are not an integer array.
    """
    check_arrays("cross_entropy", logits=logits)
    ignore_index = check_whole("cross_entropy: ignore_index", ignore_index)
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(f"cross_entropy: logits are {logits.shape} and have no classes")
    vocab_size = logits.shape[-1]
    check_tokens(targets, vocab_size, "targets: token id", ignore_index)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"cross_entropy: logits are {logits.shape} but targets {targets.shape}")
    smoothing = real_number(label_smoothing)
    if smoothing is None or not 0 <= smoothing <= 1:
        raise ValueError(
            f"cross_entropy: label_smoothing={plain(label_smoothing)!r} is not within 0 to 1"
        )
    label_smoothing = smoothing
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(
            f"cross_entropy: reduction must be 'mean', 'sum' or 'none', got {reduction!r}"
        )
    n_counted = int((targets != ignore_index).sum())  # before the copy, so that nothing waits
    targets = to_device_of(logits, targets)
    counted = targets != ignore_index
    targets = np.where(counted, targets, 0)

    log_total, mean = _log_total_and_mean(logits)  # (..., 1) each
    z_target = np.take_along_axis(logits, targets[..., None], axis=-1)  # (..., 1)
    losses = log_total - (1 - label_smoothing) * z_target
    if label_smoothing:
        losses -= label_smoothing * mean
    losses = np.where(counted, losses[..., 0], losses.dtype.type(0))  # (...)

    saved = CrossEntropySaved(
        logits, log_total, targets, counted, n_counted, label_smoothing, reduction
    )
    if reduction == "none":
        return losses, saved
    total = losses.sum()
    return (total / max(n_counted, 1) if reduction == "mean" else total), saved


@observed
def cross_entropy_backward(
    dloss: Any, saved: CrossEntropySaved, *, dlogits_out: Array | None = None
) -> Array:
    r"""Gradient of :func:`cross_entropy_forward` with respect to the logits.

    The derivative of the log-sum-exp is the softmax, so the gradient is the difference of the two
    distributions:

    .. math:: dz = d\ell\,(p - q)

    Parameters
    ----------
    dloss : scalar, or an array (...) with ``reduction="none"``
    saved : CrossEntropySaved
    dlogits_out : array (..., V), optional
        Overwritten with the gradient. It may be the logits themselves.

    Returns
    -------
    dlogits : array (..., V), of the dtype of the logits
    """
    logits, log_total, targets, counted, n_counted, label_smoothing, reduction = saved
    vocab_size = logits.shape[-1]
    dlogits = empty_like(logits) if dlogits_out is None else dlogits_out
    check_dloss(
        "cross_entropy", dloss, logits.dtype, counted.shape if reduction == "none" else None
    )
    scale = dloss / max(n_counted, 1) if reduction == "mean" else dloss
    weights = np.where(counted, scale, 0).astype(logits.dtype)[..., None]  # (..., 1)
    in_rows = logits.size and logits.flags.c_contiguous and dlogits.flags.c_contiguous
    if use_kernels(logits, dlogits) and in_rows:
        from scratchgpt.kernels import cross_entropy

        cross_entropy.cross_entropy_backward(
            logits.reshape(-1, vocab_size),
            log_total.reshape(-1),
            targets.reshape(-1),
            weights.reshape(-1),
            label_smoothing,
            dlogits.reshape(-1, vocab_size),
        )
        return dlogits
    if use_cuda(logits, log_total, weights, dlogits) and targets.flags.c_contiguous:
        from scratchgpt.kernels.cuda import by_row

        by_row.cross_entropy_backward(logits, log_total, targets, weights, label_smoothing, dlogits)
        return dlogits

    np.subtract(logits, log_total, out=dlogits)
    np.exp(dlogits, out=dlogits)  # p
    if label_smoothing:
        dlogits -= label_smoothing / vocab_size
    rows = as_rows(dlogits)
    rows[array_module(rows).arange(len(rows)), targets.reshape(-1)] -= 1 - label_smoothing  # p - q
    dlogits *= weights
    return dlogits


def _log_total_and_mean(logits: Array) -> tuple[Array, Array]:
    """Return the log-sum-exp and the mean of each row of logits (..., V), both (..., 1)."""
    if use_kernels(logits) and logits.size:
        from scratchgpt.kernels import cross_entropy

        log_total = empty((*logits.shape[:-1], 1), like=logits)
        mean = empty(log_total.shape, like=logits)
        rows = logits.reshape(-1, logits.shape[-1])
        cross_entropy.cross_entropy_forward(rows, log_total.reshape(-1), mean.reshape(-1))
        return log_total, mean
    if use_cuda(logits):
        from scratchgpt.kernels.cuda import by_row

        log_total = empty((*logits.shape[:-1], 1), like=logits)
        mean = empty(log_total.shape, like=logits)
        by_row.cross_entropy_forward(logits, log_total, mean)
        return log_total, mean
    return log_sum_exp(logits, axis=-1), logits.mean(axis=-1, keepdims=True)
