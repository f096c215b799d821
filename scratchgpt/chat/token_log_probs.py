"""Log-probabilities of single tokens under a GPT."""

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


class TokenLogProbsSaved(NamedTuple):
    model: GPTSaved
    cross_entropy: CrossEntropySaved


def token_log_probs_forward(
    model: GPT,
    tokens: Array,
    targets: Array,
    *,
    dropout_seed: int | None = None,
    recompute: bool = False,
) -> tuple[Array, TokenLogProbsSaved]:
    r"""Compute the log-probability of each target, :math:`\log p(y_t \mid y_{<t})`.

    Attention is causal, so a row does not depend on the padding at its end.

    Parameters
    ----------
    model : GPT
    tokens, targets : integer arrays (N, T)
        As :func:`next_tokens` makes them. Targets of -100 do not count.
    dropout_seed, recompute
        As in :meth:`scratchgpt.models.GPT.forward`.

    Returns
    -------
    log_probs : array (N, T)
        0 for targets of -100.
    saved : TokenLogProbsSaved
    """
    logits, of_model = model.forward(tokens, dropout_seed=dropout_seed, recompute=recompute)
    losses, cross_entropy = cross_entropy_forward(logits, targets, reduction="none")
    return -losses, TokenLogProbsSaved(of_model, cross_entropy)


def token_log_probs_backward(dlog_probs: Array, model: GPT, saved: TokenLogProbsSaved) -> None:
    """Add the gradients of all parameters; the logits in ``saved`` are overwritten.

    Parameters
    ----------
    dlog_probs : array (N, T)
        Its values for targets of -100 have no effect.
    model : GPT
    saved : TokenLogProbsSaved
    """
    logits = saved.cross_entropy.logits
    dlosses = (-dlog_probs).astype(logits.dtype)
    dlogits = cross_entropy_backward(dlosses, saved.cross_entropy, dlogits_out=logits)
    model.backward(dlogits, saved.model)


def next_tokens(tokens: Array, counted: Array) -> tuple[Array, Array]:
    """Return the tokens to read and the tokens to predict, (N, T - 1) each.

    Parameters
    ----------
    tokens : integer array (N, T)
    counted : bool array (N, T)
        The tokens to predict; the targets of all others are -100.
    """
    targets = np.where(counted[:, 1:], tokens[:, 1:], IGNORE_INDEX)
    return np.ascontiguousarray(tokens[:, :-1]), targets
