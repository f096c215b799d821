"""Best of n: sample several answers, and keep the one with the highest reward."""

import math

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array
from scratchgpt.chat.rewards import PromptSource, RewardRule
from scratchgpt.chat.rollouts import Rollouts, sample_rollouts
from scratchgpt.models import GPT


def best_of_n(
    model: GPT,
    source: PromptSource,
    rule: RewardRule,
    numbers: Array,
    n: int,
    *,
    seed: int = 0,
) -> tuple[Rollouts, Array]:
    """Sample ``n`` answers to each prompt, and keep the best one.

    Parameters
    ----------
    model : GPT
    source : PromptSource
    rule : RewardRule
        Decides which answer is best; of equal ones, the first.
    numbers : int array (P,)
        The numbers of the prompts.
    n : int
    seed : int

    Returns
    -------
    rollouts : Rollouts
        One answer to each prompt.
    rewards : float64 array (P,)
    """
    rollouts = sample_rollouts(
        model,
        source.prompts(numbers),
        n_samples=check_whole("n", n, least=1),
        max_new_tokens=source.max_new_tokens,
        ends=source.ends,
        seed=seed,
        vocab_size=source.vocab_size,
    )
    rewards = rule(numbers[rollouts.prompts], rollouts)
    rows = np.arange(len(numbers)) * n + rewards.reshape(-1, n).argmax(axis=1)
    return Rollouts(*(array[rows] for array in rollouts)), rewards[rows]


def best_of_n_policy(p: Array, rewards: Array, n: int) -> Array:
    r"""Compute the distribution of the best of n answers, if each reward is another.

    .. math:: \pi_n(y) = F(y)^n - \bigl(F(y) - \pi(y)\bigr)^n

    where F(y) is the probability of a reward of at most that of y.

    Parameters
    ----------
    p : array (A,)
        Probability of each answer.
    rewards : array (A,)
    n : int

    Returns
    -------
    distribution : array (A,)
    """
    order = np.argsort(rewards)
    at_most = np.cumsum(p[order])
    found = np.empty_like(p)
    found[order] = at_most**n - (at_most - p[order]) ** n
    return found


def best_of_n_divergence(n: int) -> float:
    r"""Return the upper bound :math:`\log n - \frac{n-1}{n}` of the KL divergence of best of n.

    The divergence is that from the policy that is sampled, in nats (Beirami et al. 2024,
    arXiv:2401.01879, theorem 1). It is nearly reached if no answer is probable.
    """
    return math.log(n) - (n - 1) / n
