"""Prompts to answer, and rewards of the answers: what a policy learns from."""

from typing import Protocol

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.rollouts import Rollouts


class PromptSource(Protocol):
    """Numbered prompts, as tokens; some are held out and never trained on.

    Attributes
    ----------
    ends : tuple of int
        The tokens that end an answer.
    max_new_tokens : int
        Maximum number of tokens of an answer, with the token that ends it.
    vocab_size : int
        Number of tokens of the tokenizer.
    """

    ends: tuple[int, ...]
    max_new_tokens: int
    vocab_size: int

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Draw the numbers of ``n`` prompts to train on, int64 (n,)."""
        ...

    def held_out(self) -> Array:
        """Return the numbers of the prompts that are held out, int64 (n,)."""
        ...

    def prompts(self, numbers: Array) -> list[Array]:
        """Return the tokens of prompts, by their numbers."""
        ...


class RewardRule(Protocol):
    """A reward for each answer; a pure function of the prompt and the answer."""

    def __call__(self, numbers: Array, rollouts: Rollouts) -> Array:
        """Return the reward of each row.

        Parameters
        ----------
        numbers : int64 array (N,)
            The number of the prompt of each row, in the source of the prompts.
        rollouts : Rollouts
            See :meth:`Rollouts.answers` for the answers alone.

        Returns
        -------
        rewards : float64 array (N,)
        """
        ...
