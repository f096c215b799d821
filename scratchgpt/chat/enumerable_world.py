r"""A world of 40 answers, in which the best policy is known.

Its answers are all texts of at most three letters out of three. A text of three letters ends by
itself, a shorter one with an end token. So the probability of each answer can be computed, and with
a reward r for each answer, the policy that maximizes :math:`E_\pi[r] - \beta\,
\mathrm{KL}(\pi\,\|\,\pi_\mathrm{ref})` is :math:`\pi^*(y) \propto \pi_\mathrm{ref}(y)\,
e^{r(y)/\beta}` (Rafailov et al. 2023, arXiv:2305.18290, equation 4). Every method that learns from
rewards or preferences must find it.
"""

import itertools

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.answer_log_probs import answer_log_probs_forward
from scratchgpt.chat.preference_batches import (
    EncodedPreferences,
    Group,
    PreferenceBatches,
)
from scratchgpt.chat.rollouts import Rollouts
from scratchgpt.chat.token_log_probs import next_tokens
from scratchgpt.models import GPT

END = 0  # also the first token of every text
LETTERS = (1, 2, 3)
LONGEST = 3
VOCAB_SIZE = 1 + len(LETTERS)
BLOCK_SIZE = LONGEST  # the last token is only predicted


def world_answers() -> list[Array]:
    """Return the tokens of the 40 answers, each with the start token."""
    texts = [
        text for n in range(LONGEST + 1) for text in itertools.product(LETTERS, repeat=n)
    ]  # shorter first
    return [np.array([END, *text, END][: LONGEST + 1], np.int64) for text in texts]


def world_preferences(rewards: Array) -> PreferenceBatches:
    r"""Return all pairs of answers in both orders, with the weight of each order.

    The weight is the probability of the preference in the model of Bradley and Terry,
    :math:`\sigma(r_i - r_j)`. So the loss is the expectation over all preferences, without noise.

    Parameters
    ----------
    rewards : array (40,)
    """
    rows = world_answers()
    pairs = np.array(list(itertools.permutations(range(len(rows)), 2)), np.int64)
    weights = 1 / (1 + np.exp(rewards[pairs[:, 1]] - rewards[pairs[:, 0]]))
    counted = [np.arange(len(row)) > 0 for row in rows]
    group = Group(rows, counted, pairs, np.zeros(len(pairs)), weights / weights.sum())
    part = EncodedPreferences([group], LONGEST + 1)
    return PreferenceBatches(part, part, tokens_per_batch=int(part.widths.max()), seed=0)


class World:
    """The one prompt of the world and the reward of each answer, to learn from rollouts.

    Parameters
    ----------
    rewards : array (40,)
    """

    ends = (END,)
    max_new_tokens = LONGEST
    vocab_size = VOCAB_SIZE

    def __init__(self, rewards: Array) -> None:
        answers = [tuple(row[row != END]) for row in world_answers()]
        self._rewards = dict(zip(answers, rewards.tolist(), strict=True))

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        return np.zeros(n, np.int64)

    def held_out(self) -> Array:
        return np.zeros(0, np.int64)

    def prompts(self, numbers: Array) -> list[Array]:
        return [np.array([END])] * len(numbers)

    def __call__(self, numbers: Array, rollouts: Rollouts) -> Array:
        return np.array([self._rewards[tuple(answer)] for answer in rollouts.answers()])


def answer_distribution(model: GPT) -> Array:
    """Compute the probability of each of the 40 answers; they sum to 1."""
    batch = world_preferences(np.zeros(len(world_answers()))).train_batch(0)
    tokens, targets = next_tokens(batch.tokens, batch.counted)
    return np.exp(answer_log_probs_forward(model, tokens, targets)[0])


def best_policy(reference: Array, rewards: Array, beta: float) -> Array:
    """Compute the best policy, for the probabilities of the reference (40,)."""
    scores = np.log(reference) + rewards / beta
    weights = np.exp(scores - scores.max())
    return weights / weights.sum()


def total_variation(p: Array, q: Array) -> float:
    """Return half of the sum of absolute differences of two distributions, from 0 to 1."""
    return float(np.abs(p - q).sum() / 2)
