"""Log-probabilities of whole answers under a GPT."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.token_log_probs import (
    TokenLogProbsSaved,
    token_log_probs_backward,
    token_log_probs_forward,
)
from scratchgpt.models import GPT
from scratchgpt.ops.cross_entropy import IGNORE_INDEX


class AnswerLogProbsSaved(NamedTuple):
    tokens: TokenLogProbsSaved


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
    of_tokens, saved = token_log_probs_forward(
        model, tokens, targets, dropout_seed=dropout_seed, recompute=recompute
    )
    log_probs = np.add.reduceat(of_tokens[counted], np.cumsum(lengths) - lengths)  # (B,)
    return log_probs, AnswerLogProbsSaved(saved)


def answer_log_probs_backward(dlog_probs: Array, model: GPT, saved: AnswerLogProbsSaved) -> None:
    """Add the gradients of all parameters; the logits in ``saved`` are overwritten.

    Each token that counts gets the gradient of its row, because the row is a sum.

    Parameters
    ----------
    dlog_probs : array (B,)
    model : GPT
    saved : AnswerLogProbsSaved
    """
    shape = saved.tokens.cross_entropy.logits.shape[:2]
    dtokens = np.broadcast_to(dlog_probs[:, None], shape)  # (B, T)
    token_log_probs_backward(dtokens, model, saved.tokens)
