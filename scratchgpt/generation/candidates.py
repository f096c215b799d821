"""Candidates for the next token of a hypothesis: the most probable tokens."""

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.errors import UserError


def best_tokens(logits: Array, n: int) -> tuple[Array, Array]:
    """Return the n most probable next tokens of each text, most probable first.

    Parameters
    ----------
    logits : float array (B, V)
    n : int
        At most V.

    Returns
    -------
    log_p : float64 array (B, n)
        Log-probabilities of the tokens.
    tokens : int64 array (B, n)

    Raises
    ------
    UserError
        If the logits are not finite.
    """
    if use_kernels(logits):
        from scratchgpt.kernels.decoding import best_tokens as kernel

        log_p, tokens = np.empty((len(logits), n)), np.empty((len(logits), n), np.int64)
        kernel.best_tokens(logits, log_p, tokens)
    else:
        log_p, tokens = _best_tokens(logits, n)
    if not np.isfinite(log_p[:, 0]).all():
        raise UserError(
            "the model's logits are NaN or infinite: its weights are damaged, or its training "
            "diverged; use an earlier checkpoint"
        )
    return log_p, tokens


def _best_tokens(logits: Array, n: int) -> tuple[Array, Array]:
    tokens = np.sort(np.argpartition(-logits, n - 1, axis=-1)[:, :n], axis=-1)
    best = np.take_along_axis(logits, tokens, axis=-1).astype(np.float64)
    order = np.argsort(-best, axis=-1, kind="stable")
    best = np.take_along_axis(best, order, axis=-1)
    highest = best[:, :1]
    total = np.exp(logits - highest).sum(axis=-1, keepdims=True)
    return best - highest - np.log(total), np.take_along_axis(tokens, order, axis=-1)
