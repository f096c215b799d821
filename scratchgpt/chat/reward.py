"""The objective of a reward model: preferred answers get higher scores."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import real_number
from scratchgpt.backend import Array
from scratchgpt.chat.preference_batches import PreferenceBatch
from scratchgpt.chat.preference_loss import (
    RewardLossSaved,
    reward_loss_backward,
    reward_loss_forward,
)
from scratchgpt.errors import UserError
from scratchgpt.models import GPTReward, GPTRewardSaved
from scratchgpt.training import Objective


class RewardSaved(NamedTuple):
    model: GPTRewardSaved
    loss: RewardLossSaved
    batch: PreferenceBatch
    scores: Array  # (N,)


class PairwiseReward(Objective[PreferenceBatch, RewardSaved]):
    r"""Pairwise training of a reward model (Ouyang et al. 2022, arXiv:2203.02155, equation 1).

    The loss of a prompt with K answers is the mean over its pairs, at most K (K - 1) / 2. The loss
    of a batch is the mean over its prompts. See
    :func:`scratchgpt.chat.preference_loss.reward_loss_forward`.

    Parameters
    ----------
    model : GPTReward
    centering : float
        Factor of the term that pulls the scores to a mean of 0; 0.01 is usual, 0 disables it.
    recompute : bool
        Save only the inputs of the blocks, and recompute the rest in the backward pass.

    Raises
    ------
    UserError
        If ``centering`` is negative.
    """

    model: GPTReward
    unit = "nats"

    def __init__(
        self, model: GPTReward, *, centering: float = 0.0, recompute: bool = False
    ) -> None:
        check_centering(centering)
        self.model = model
        self.centering = centering
        self.recompute = recompute
        self.drops = model.drops

    def weight(self, batch: PreferenceBatch) -> float:
        """Return the number of prompts."""
        return batch.n_prompts

    def loss(
        self, batch: PreferenceBatch, *, dropout_seed: int | None = None
    ) -> tuple[Any, RewardSaved]:
        scores, model = self.model.forward(
            batch.tokens, batch.lengths, dropout_seed=dropout_seed, recompute=self.recompute
        )
        dtype = scores.real.dtype
        loss, of_loss = reward_loss_forward(
            scores[batch.winners],
            scores[batch.losers],
            batch.margins.astype(dtype),
            batch.shares.astype(dtype),
            centering=self.centering,
        )
        return loss, RewardSaved(model, of_loss, batch, scores)

    def loss_backward(self, dloss: float, saved: RewardSaved) -> None:
        dwinners, dlosers = reward_loss_backward(dloss, saved.loss)
        dscores = np.zeros_like(saved.scores)
        np.add.at(dscores, saved.batch.winners, dwinners)
        np.add.at(dscores, saved.batch.losers, dlosers)
        self.model.backward(dscores, saved.model)

    def measures(self, saved: RewardSaved) -> dict[str, float]:
        """Return the share of preferences that the scores predict, their margin and their mean."""
        loss, shares = saved.loss, saved.batch.shares
        difference = (loss.winners - loss.losers).real
        return {
            "accuracy": float((shares * (1 + np.sign(difference)) / 2).sum()),
            "margin": float((shares * difference).sum()),
            "score": float(saved.scores.real.mean()),
        }


def check_centering(centering: float) -> None:
    """Raise UserError if the factor of the centering term is negative or not a number."""
    number = real_number(centering)
    if number is None or not 0 <= number < float("inf"):
        raise UserError(f"centering={centering!r} must be at least 0, for example 0.01")
