"""The entropy of the next token, which a bonus in the loss keeps from falling to 0."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.ops.log_softmax import log_softmax_forward


class TokenEntropySaved(NamedTuple):
    log_probs: Array  # (N, T, V)
    entropies: Array  # (N, T)
    weights: Array  # (N, T)


def token_entropy_forward(logits: Array, weights: Array) -> tuple[Any, TokenEntropySaved]:
    r"""Weighted mean of the entropies of the next tokens.

    .. math::
        H_{it} = -\sum_v p_{itv} \log p_{itv} \qquad \bar H = \frac1N \sum_{it} w_{it} H_{it}

    The entropy bonus of equation 9 of Schulman et al. 2017, arXiv:1707.06347, is a multiple of it.

    Parameters
    ----------
    logits : array (N, T, V)
    weights : array (N, T)
        As in the loss of the policy; tokens that do not count have 0.

    Returns
    -------
    mean : scalar
    saved : TokenEntropySaved
    """
    log_probs, _ = log_softmax_forward(logits)
    entropies = -(np.exp(log_probs) * log_probs).sum(axis=-1)
    mean = (weights * entropies).sum() / len(logits)
    return mean, TokenEntropySaved(log_probs, entropies, weights)


def token_entropy_backward(dmean: Any, saved: TokenEntropySaved) -> Array:
    r"""Gradient of :func:`token_entropy_forward` with respect to the logits.

    Because :math:`\partial p_v / \partial z_u = p_v (\delta_{uv} - p_u)` and the probabilities sum
    to 1,

    .. math:: \frac{\partial H}{\partial z_u} = -p_u \left(\log p_u + H\right).

    Parameters
    ----------
    dmean : scalar
    saved : TokenEntropySaved

    Returns
    -------
    dlogits : array (N, T, V)
    """
    log_probs, entropies, weights = saved
    slopes = -np.exp(log_probs) * (log_probs + entropies[..., None])
    return dmean / len(weights) * weights[..., None] * slopes
