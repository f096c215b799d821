r"""Preferences with a known reward, so that the best possible accuracy is known.

An answer is a few words, and its reward :math:`r^*` is the sum of the values of its words. The
better of two answers is drawn with probability :math:`\sigma(r^*(a) - r^*(b))`, the model of
Bradley and Terry. No reward model predicts these labels better than :math:`r^*` itself.
"""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.chat.messages import USER, Message
from scratchgpt.chat.preferences import Preferences

SYNTHETIC = "synthetic"  # the name of these preferences on the command line
N_PROMPTS = 6000
WORDS = (
    *("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath"),
    *("inlet", "jetty", "knoll", "larch", "marsh", "north", "orbit", "plain"),
)
LENGTHS = (2, 6)  # the fewest and the most words of an answer
_VALUES = dict(zip(WORDS, random_stream(0, "values").permutation(len(WORDS)).tolist(), strict=True))


def true_reward(answer: str) -> float:
    """Return the reward of an answer: the sum of the values of its words, from -1 to 1 each."""
    scale = 2 / (len(WORDS) - 1)
    return float(sum(scale * _VALUES[word] - 1 for word in answer.split()))


def synthetic_preferences(n_prompts: int = N_PROMPTS, seed: int = 0) -> list[Preferences]:
    """Draw preferences between two random answers.

    Examples
    --------
    >>> [one] = synthetic_preferences(1)
    >>> one.answers, one.pairs
    (['delta fjord cedar', 'plain plain orbit fjord'], [(1, 0)])
    """
    rng = random_stream(seed, SYNTHETIC)
    found: list[Preferences] = []
    while len(found) < n_prompts:
        sizes = rng.integers(LENGTHS[0], LENGTHS[1] + 1, 2)
        answers = [" ".join(rng.choice(WORDS, n)) for n in sizes]
        if answers[0] == answers[1]:
            continue
        first_wins = rng.random() < _win_probability(answers)
        pair = (0, 1) if first_wins else (1, 0)
        found.append(Preferences([Message(USER, f"List {len(found)}")], answers, [pair]))
    return found


def bayes_accuracy(preferences: Sequence[Preferences]) -> float:
    """Return the share of the preferences that the true reward predicts, the best possible rule."""
    right = 0.0
    for one in preferences:
        winner, loser = one.pairs[0]
        difference = true_reward(one.answers[winner]) - true_reward(one.answers[loser])
        right += (1 + np.sign(round(difference, 9))) / 2
    return right / len(preferences)


def _win_probability(answers: Sequence[str]) -> float:
    return 1 / (1 + float(np.exp(true_reward(answers[1]) - true_reward(answers[0]))))
