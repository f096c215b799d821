r"""Rewards per token, advantages and their whitening, for policy gradients with a value function.

All arrays are (N, T): N answers, T positions. ``counted`` marks the tokens of the answers, which
are consecutive in each row. Values at other positions never enter a result, whatever they are.
"""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array

WHITENINGS = ("batch", "minibatch", "none")
_EPS = 1e-8  # lm-human-preferences, utils/core.py


class KL(NamedTuple):
    """Two estimates of the KL divergence of a policy from another one, per token of a sample.

    Attributes
    ----------
    k1 : array (N, T)
        The log-ratio: unbiased, of either sign.
    k3 : array (N, T)
        Unbiased, too, and never negative. Its gradient is not that of the divergence.
    """

    k1: Array
    k3: Array


def kl_estimates(log_probs: Array, others: Array, counted: Array) -> KL:
    r"""Estimate :math:`\mathrm{KL}(\pi\,\|\,\pi')` per token, for samples of :math:`\pi`.

    .. math:: k_1 = \log\pi - \log\pi' \qquad k_3 = e^{-k_1} - 1 + k_1

    Schulman 2020, "Approximating KL divergence".

    Parameters
    ----------
    log_probs, others : arrays (N, T)
        Log-probabilities of the sampled tokens under both policies.
    counted : bool array (N, T)
    """
    k1 = np.where(counted, log_probs - others, 0)
    return KL(k1, np.expm1(-k1) + k1)


def token_rewards(scores: Array, kl: Array, counted: Array, *, beta: float) -> Array:
    r"""Return the reward of each token: a penalty everywhere, and the score at the last token.

    .. math:: r_t = -\beta\,k_{1,t} + [t = \mathrm{last}]\,s

    Ziegler et al. 2019, arXiv:1909.08593, section 2.2, and Ouyang et al. 2022, arXiv:2203.02155,
    section 3.5: the penalty belongs to each token. The last token of an answer is its end token,
    or, if the answer is cut, its last token.

    Parameters
    ----------
    scores : array (N,)
    kl : array (N, T)
        The estimate k1 of each token.
    counted : bool array (N, T)
        Each row has at least one counted token.
    beta : float

    Returns
    -------
    rewards : array (N, T)
        0 for tokens that do not count.
    """
    rewards = np.where(counted, -beta * kl, 0)
    last = counted.shape[1] - 1 - counted[:, ::-1].argmax(axis=1)  # (N,)
    rewards[np.arange(len(rewards)), last] += scores
    return rewards


def gae(rewards: Array, values: Array, counted: Array, *, gamma: float, lam: float) -> Array:
    r"""Generalized advantage estimation (Schulman et al. 2015, arXiv:1506.02438, equation 16).

    .. math::
        A_t = \sum_{l \ge 0} (\gamma\lambda)^l\,\delta_{t+l} \qquad
        \delta_t = r_t + \gamma V_{t+1} - V_t

    The value after the last token is 0, because the answer ends there.

    Parameters
    ----------
    rewards, values : arrays (N, T)
        The value :math:`V_t` is from before token t.
    counted : bool array (N, T)
    gamma, lam : float
        Discount of rewards, and decay of the sum; gamma=1 in language models.

    Returns
    -------
    advantages : array (N, T)
        0 for tokens that do not count. Plus ``values``, it is the target of the value function.
    """
    advantages = np.zeros_like(rewards)
    later = value_after = np.zeros(len(rewards), rewards.dtype)
    for t in reversed(range(rewards.shape[1])):
        delta = rewards[:, t] + gamma * value_after - values[:, t]
        later = np.where(counted[:, t], delta + gamma * lam * later, 0)
        value_after = np.where(counted[:, t], values[:, t], 0)
        advantages[:, t] = later
    return advantages


def whiten(
    values: Array, counted: Array, *, shift_mean: bool = True, unbiased: bool = False
) -> Array:
    r"""Scale values to a variance of 1, and by default shift them to a mean of 0.

    .. math:: \frac{x - \mu}{\sqrt{\sigma^2 + 10^{-8}}} \;[+ \mu]

    ``whiten`` in ``utils/core.py`` of lm-human-preferences, with mean and variance over the tokens
    that count.

    Parameters
    ----------
    values : array (N, T)
    counted : bool array (N, T)
    shift_mean : bool
        If False, the mean stays. Rewards are whitened so, because their sign matters.
    unbiased : bool
        Divide the variance by n - 1 instead of n, as TRL does.

    Returns
    -------
    whitened : array (N, T)
        0 for tokens that do not count.
    """
    chosen = values[counted]
    mean, variance = chosen.mean(), chosen.var(ddof=int(unbiased))
    whitened = np.zeros_like(values)
    whitened[counted] = (chosen - mean) / np.sqrt(variance + _EPS)
    if not shift_mean:
        whitened[counted] += mean
    return whitened


def explained_variance(values: Array, returns: Array, counted: Array) -> float:
    """Return the share of the variance of the returns that the values predict, at most 1.

    It is 0 for constant values, and below for worse ones. If the returns are all equal, it is 0.
    """
    variance = returns[counted].var()
    if not variance > 0:
        return 0.0
    return float(1 - (returns - values)[counted].var() / variance)
