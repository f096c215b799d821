"""Log-probabilities of whole answers under a GPT."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.models import GPT
from scratchgpt.models.gpt import GPTSaved
from scratchgpt.ops.cross_entropy import (
    IGNORE_INDEX,
    CrossEntropySaved,
    cross_entropy_backward,
    cross_entropy_forward,
)


class AnswerLogProbsSaved(NamedTuple):
    model: GPTSaved
    cross_entropy: CrossEntropySaved
    counted: Array  # (B, T) bool


def answer_log_probs_forward(
    model: GPT,
    tokens: Array,
    targets: Array,
    *,
    dropout_seed: int | None = None,
    recompute: bool = False,
) -> tuple[Array, AnswerLogProbsSaved]:
    r"""Compute the log-probability of each answer, :math:`\sum_t m_t \log p(y_t \mid y_{<t})`.

    The sum of a row does not depend on its padding, because only the tokens that count are added.

    Parameters
    ----------
    model : GPT
    tokens, targets : integer arrays (B, T)
        Targets of -100 do not count; each row has at least one other.
    dropout_seed, recompute
        As in :meth:`scratchgpt.models.GPT.forward`.

    Returns
    -------
    log_probs : array (B,)
    saved : AnswerLogProbsSaved

    Raises
    ------
    ValueError
        If a row has no token that counts.
    """
    counted = targets != IGNORE_INDEX
    lengths = counted.sum(axis=1)  # (B,)
    if not lengths.all():
        raise ValueError(f"row {int(np.argmin(lengths))} has no token that counts")
    logits, of_model = model.forward(tokens, dropout_seed=dropout_seed, recompute=recompute)
    losses, cross_entropy = cross_entropy_forward(logits, targets, reduction="none")  # (B, T)
    log_probs = -np.add.reduceat(losses[counted], np.cumsum(lengths) - lengths)  # (B,)
    return log_probs, AnswerLogProbsSaved(of_model, cross_entropy, counted)


def answer_log_probs_backward(dlog_probs: Array, model: GPT, saved: AnswerLogProbsSaved) -> None:
    """Add the gradients of all parameters; the logits in ``saved`` are overwritten.

    Each token that counts gets the gradient of its row, because the row is a sum.

    Parameters
    ----------
    dlog_probs : array (B,)
    model : GPT
    saved : AnswerLogProbsSaved
    """
    dlosses = np.where(saved.counted, -dlog_probs[:, None], 0)  # (B, T)
    dlosses = dlosses.astype(saved.cross_entropy.logits.dtype)
    dlogits = cross_entropy_backward(
        dlosses, saved.cross_entropy, dlogits_out=saved.cross_entropy.logits
    )
    model.backward(dlogits, saved.model)
