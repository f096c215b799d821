"""Batches for PPO: rollouts, with text for PPO-ptx."""

from collections.abc import Iterator

from scratchgpt.chat.ppo import PPOBatch
from scratchgpt.chat.ppo_experience import PPOExperience
from scratchgpt.chat.rollout_batches import RolloutBatches
from scratchgpt.text import TokenBatch
from scratchgpt.training import Batches
from scratchgpt.training.objective import AnyObjective


class PPOBatches:
    """Micro-batches of rollouts, each with a batch of text if there is text.

    Both losses are then in one update, whose gradient is the sum of both (Ouyang et al. 2022,
    arXiv:2203.02155, appendix C.4).

    Parameters
    ----------
    rollouts : RolloutBatches
    text : Batches, optional
        All its batches have the same number of tokens that count, so that the mean over
        micro-batches is the mean over tokens.

    Attributes
    ----------
    phase_steps : int
        Updates per phase.
    """

    def __init__(
        self, rollouts: RolloutBatches[PPOExperience], text: Batches[TokenBatch] | None = None
    ) -> None:
        self.rollouts = rollouts
        self.text = text
        self.phase_steps = rollouts.phase_steps

    def begin_phase(self, phase: int, objective: AnyObjective) -> None:
        """Sample answers from the policy, and compute what to learn from them."""
        self.rollouts.begin_phase(phase, objective)

    def train_batch(self, index: int) -> PPOBatch:
        """Return a micro-batch of the phase that is under way, and the text of its index."""
        text = None if self.text is None else self.text.train_batch(index)
        return PPOBatch(self.rollouts.train_batch(index), text)

    def validation_batches(self) -> Iterator[PPOBatch]:
        """There are none: the loss says nothing about the rewards, which answers are needed for."""
        return iter(())
