"""Groups of answers to the same prompt, which are compared with each other."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array


class GroupExperience(NamedTuple):
    """Sampled answers and their advantages, one per row.

    Attributes
    ----------
    tokens : int64 array (N, T)
    counted : bool array (N, T)
    old_log_probs : array (N, T - 1)
        Log-probabilities of the next tokens, when the answers were sampled; 0 if the advantage is.
    reference_log_probs : array (N, T - 1)
        Those of the reference; (N, 0) if there is none.
    advantages : array (N, 1)
    weights : array (N, T - 1)
        The weights of the tokens in the loss, which ``GRPO.update_batch`` computes.
    rewards : float64 array (N,)
        Without the penalty for the distance from the reference.
    ended : bool array (N,)
    entropy : float64 array (N,)
        Its mean estimates the entropy of an answer.
    """

    tokens: Array
    counted: Array
    old_log_probs: Array
    reference_log_probs: Array
    advantages: Array
    weights: Array
    rewards: Array
    ended: Array
    entropy: Array


def group_advantages(rewards: Array, n_samples: int, *, scaled: bool) -> Array:
    r"""Compare the reward of each answer with those of its group.

    .. math:: A_i = R_i - \bar R \qquad\text{or, scaled,}\qquad
        A_i = \frac{R_i - \bar R}{s + 10^{-4}}

    with the mean and the unbiased standard deviation of the group, as in TRL.

    Parameters
    ----------
    rewards : array (N,)
        ``n_samples`` for the first prompt, then those for the second, and so on.
    n_samples : int
    scaled : bool

    Returns
    -------
    advantages : array (N,)
    """
    groups = rewards.reshape(-1, n_samples)
    advantages = groups - groups.mean(axis=1, keepdims=True)
    if scaled:
        advantages = advantages / (groups.std(axis=1, ddof=1, keepdims=True) + 1e-4)
    return advantages.reshape(-1)


def equal_rows(*arrays: Array) -> tuple[Array, Array]:
    """Find equal rows, so that what depends on a row alone can be computed once.

    Parameters
    ----------
    *arrays : arrays (N, ...)
        Rows are equal if they are equal in each of the arrays.

    Returns
    -------
    first : int64 array (D,)
        Index of the first of each set of equal rows, in ascending order.
    sets : int64 array (N,)
        The set of each row, so that ``first[sets]`` is the first row that equals each.
    """
    rows = [b"".join(array[i].tobytes() for array in arrays) for i in range(len(arrays[0]))]
    numbers: dict[bytes, int] = {}
    sets = np.array([numbers.setdefault(row, len(numbers)) for row in rows], np.int64)
    return np.unique(sets, return_index=True)[1], sets
