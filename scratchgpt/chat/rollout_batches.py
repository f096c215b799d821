"""Batches of rollouts: each phase of training samples new answers from the policy."""

from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar, cast

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array, derive_seed, random_stream
from scratchgpt.chat.rewards import PromptSource, RewardRule
from scratchgpt.chat.rollouts import Rollouts, sample_rollouts
from scratchgpt.errors import UserError, counted
from scratchgpt.generation.generate import MAX_TEXTS
from scratchgpt.models import GPT
from scratchgpt.training.objective import AnyObjective

E = TypeVar("E", bound=tuple[Array, ...])  # experience: a NamedTuple of arrays with N rows each


class LearnsFromRollouts(Protocol[E]):
    """An objective that learns from rollouts, such as :class:`scratchgpt.chat.GRPO`.

    Attributes
    ----------
    policy : GPT
        The model that answers.
    """

    policy: GPT

    def experience(self, rollouts: Rollouts, rewards: Array) -> E:
        """Return what to learn from the rollouts of a phase.

        Parameters
        ----------
        rollouts : Rollouts
            Equally many answers to each prompt.
        rewards : float64 array (N,)

        Returns
        -------
        experience : NamedTuple of arrays
            The first axis of each array has the N answers.
        """
        ...

    def update_batch(self, experience: E) -> E:
        """Prepare the answers of one update, before they are split into micro-batches."""
        ...


class RolloutBatches(Generic[E]):
    """Data source for learning from rewards.

    A phase begins with new answers from the policy to ``n_prompts`` prompts. Then each of
    ``inner_epochs`` passes over them makes ``minibatches`` updates.

    Parameters
    ----------
    source : PromptSource
    rule : RewardRule
    n_prompts : int
        Prompts per phase.
    n_samples : int
        Answers to each prompt.
    inner_epochs, minibatches : int
    grad_accum : int
        Micro-batches per update, as in the configuration of the training.
    seed : int

    Attributes
    ----------
    phase_steps : int
        Updates per phase.

    Raises
    ------
    UserError
        If a number is below 1 or too large, or there are more micro-batches than answers.
    """

    def __init__(
        self,
        source: PromptSource,
        rule: RewardRule,
        *,
        n_prompts: int,
        n_samples: int,
        inner_epochs: int = 1,
        minibatches: int = 1,
        grad_accum: int = 1,
        seed: int,
    ) -> None:
        self.source = source
        self.rule = rule
        self.n_prompts = check_whole("n_prompts", n_prompts, least=1)
        self.n_samples = check_whole("n_samples", n_samples, least=1)
        self.minibatches = check_whole("minibatches", minibatches, least=1)
        self.grad_accum = check_whole("grad_accum", grad_accum, least=1)
        self.seed = check_whole("seed", seed, least=0)
        self.phase_steps = check_whole("inner_epochs", inner_epochs, least=1) * self.minibatches
        n_answers = self.n_prompts * self.n_samples
        if n_answers > MAX_TEXTS:
            raise UserError(
                f"n_prompts={self.n_prompts} with n_samples={self.n_samples} are more than "
                f"{counted(MAX_TEXTS, 'answer')} per phase; choose fewer"
            )
        if self.minibatches * self.grad_accum > n_answers:
            raise UserError(
                f"minibatches={self.minibatches} with grad_accum={self.grad_accum} are more than "
                f"the {n_answers} answers of n_prompts={self.n_prompts} and "
                f"n_samples={self.n_samples}; choose fewer"
            )
        self._phase = -1
        self._experience: E | None = None
        self._update = -1
        self._micro_batches: list[E] = []

    def begin_phase(self, phase: int, objective: AnyObjective) -> None:
        """Sample answers from the policy, and compute their rewards."""
        self._learner = cast(LearnsFromRollouts[E], objective)
        numbers = self.source.draw(self.n_prompts, random_stream(self.seed, "prompts", phase))
        rollouts = sample_rollouts(
            self._learner.policy,
            self.source.prompts(numbers),
            n_samples=self.n_samples,
            max_new_tokens=self.source.max_new_tokens,
            ends=self.source.ends,
            seed=derive_seed(self.seed, "phase", phase),
            vocab_size=self.source.vocab_size,
        )
        rewards = self.rule(numbers[rollouts.prompts], rollouts)
        self._experience = self._learner.experience(rollouts, rewards)
        self._phase, self._update = phase, -1

    def train_batch(self, index: int) -> E:
        """Return a micro-batch of the phase that is under way."""
        update, micro_batch = divmod(index, self.grad_accum)
        if update != self._update:
            self._prepare(update)
        return self._micro_batches[micro_batch]

    def validation_batches(self) -> Iterator[E]:
        """There are none: the loss says nothing about the rewards, which answers are needed for."""
        return iter(())

    def _prepare(self, update: int) -> None:
        phase, in_phase = divmod(update, self.phase_steps)
        if self._experience is None or phase != self._phase:
            raise ValueError(f"update {update} is not in phase {self._phase}; begin its phase")
        epoch, part = divmod(in_phase, self.minibatches)
        rows = np.arange(len(self._experience[0]))
        if self.minibatches > 1:
            rows = random_stream(self.seed, "order", phase, epoch).permutation(rows)
        chosen = np.array_split(rows, self.minibatches)[part]
        batch = self._learner.update_batch(take_rows(self._experience, chosen))
        parts = np.array_split(np.arange(len(chosen)), self.grad_accum)
        self._micro_batches = [take_rows(batch, rows) for rows in parts]
        self._update = update


def take_rows(experience: E, rows: Array) -> E:
    """Return some rows of each array of a NamedTuple."""
    make: Any = type(experience)
    return cast(E, make(*(array[rows] for array in experience)))
