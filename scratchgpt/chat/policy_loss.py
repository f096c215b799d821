r"""The clipped loss of a policy, and the weights of the tokens in it.

Everything also works with complex numbers, so that a complex step can check the derivative: choices
depend on the real part.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, did_you_mean

DENOMINATORS = ("grpo", "dapo", "dr_grpo")


def token_weights(counted: Array, denominator: str, max_length: int) -> Array:
    r"""Compute the weight of each token, so that a loss is the mean over answers of weighted sums.

    .. math::
        \text{grpo:} \quad w_{it} = \frac{m_{it}}{\sum_t m_{it}} \qquad
        \text{dapo:} \quad w_{it} = \frac{N\,m_{it}}{\sum_{it} m_{it}} \qquad
        \text{dr\_grpo:} \quad w_{it} = \frac{m_{it}}{L}

    So each answer counts the same (Shao et al. 2024, arXiv:2402.03300, equation 3), each token
    counts the same (Yu et al. 2025, arXiv:2503.14476, equation 8), or the sum over each answer is
    divided by the maximum length L (Liu et al. 2025, arXiv:2503.20783). The mean over all tokens,
    which PPO has, is "dapo". Compute the weights of the whole batch of an update before splitting
    it: then micro-batches, weighted by their number of answers, sum to the loss of the batch.

    Parameters
    ----------
    counted : bool array (N, T)
        Each row has at least one token that counts.
    denominator : {"grpo", "dapo", "dr_grpo"}
    max_length : int
        Maximum number of tokens of an answer, for dr_grpo.

    Returns
    -------
    weights : float64 array (N, T)
    """
    lengths = counted.sum(axis=1, keepdims=True)  # (N, 1)
    divisors = {"grpo": lengths, "dapo": lengths.mean(), "dr_grpo": max_length}
    return counted / divisors[denominator]


class PolicyLossSaved(NamedTuple):
    ratios: Array  # (N, T)
    advantages: Array  # (N, T)
    weights: Array  # (N, T)
    clipped: Array  # (N, T) bool: the loss is constant there


def policy_loss_forward(
    log_probs: Array,
    old_log_probs: Array,
    advantages: Array,
    weights: Array,
    *,
    clip_low: float = 0.2,
    clip_high: float = 0.2,
) -> tuple[Any, PolicyLossSaved]:
    r"""Clipped surrogate loss of a policy.

    .. math::
        \rho_{it} = e^{\log\pi(y_{it}) - \log\pi_\mathrm{old}(y_{it})} \qquad
        \ell = -\frac1N \sum_{it} w_{it}
        \min\bigl(\rho_{it} A_{it},\ \mathrm{clip}(\rho_{it}, 1-\epsilon_\mathrm{low},
        1+\epsilon_\mathrm{high})\,A_{it}\bigr)

    Equation 7 of Schulman et al. 2017, arXiv:1707.06347; two bounds as in equation 10 of Yu et al.
    2025, arXiv:2503.14476.

    Parameters
    ----------
    log_probs, old_log_probs : arrays (N, T)
        Log-probability of each token, now and when the answers were sampled.
    advantages : array (N, T) or (N, 1)
    weights : array (N, T)
        See :func:`token_weights`; tokens that do not count have 0.
    clip_low, clip_high : float
        The ratio is clipped below 1 - clip_low and above 1 + clip_high.

    Returns
    -------
    loss : scalar
    saved : PolicyLossSaved
    """
    advantages = np.broadcast_to(advantages, log_probs.shape)
    ratios = np.exp(log_probs - old_log_probs)  # (N, T)
    is_low = (ratios.real < 1 - clip_low) & (advantages < 0)
    is_high = (ratios.real > 1 + clip_high) & (advantages > 0)
    bounded = np.where(is_low, 1 - clip_low, np.where(is_high, 1 + clip_high, ratios))
    loss = -(weights * bounded * advantages).sum() / len(log_probs)
    return loss, PolicyLossSaved(ratios, advantages, weights, is_low | is_high)


def policy_loss_backward(dloss: Any, saved: PolicyLossSaved) -> Array:
    r"""Gradient of :func:`policy_loss_forward` with respect to ``log_probs``.

    The derivative of a ratio is the ratio itself; where it is clipped, the loss is constant.

    Parameters
    ----------
    dloss : scalar
    saved : PolicyLossSaved

    Returns
    -------
    dlog_probs : array (N, T)
    """
    ratios, advantages, weights, clipped = saved
    slopes = np.where(clipped, 0, ratios * advantages)
    return -dloss / len(ratios) * weights * slopes


def clip_fraction(saved: PolicyLossSaved, counts: Array | None = None) -> float:
    """Return the share of the tokens of an answer whose loss is clipped, the mean over answers.

    ``counts`` (N,) says how many answers each row stands for; by default, one.
    """
    n_counted = (saved.weights > 0).sum(axis=1)
    return float(np.average(saved.clipped.sum(axis=1) / n_counted, weights=counts))


def check_policy_loss(denominator: str, clip_low: float, clip_high: float) -> None:
    """Check the settings of a policy loss.

    Raises
    ------
    UserError
        If there is no such denominator, or a bound is out of range.
    """
    if denominator not in DENOMINATORS:
        hint = did_you_mean(str(denominator), DENOMINATORS)
        raise UserError(f"loss={denominator!r} is not one of {', '.join(DENOMINATORS)}{hint}")
    if not 0 < clip_low < 1:
        raise UserError(f"clip_low={clip_low} must be between 0 and 1, for example 0.2")
    if not 0 < clip_high < float("inf"):
        raise UserError(f"clip_high={clip_high} must be greater than 0, for example 0.2")
