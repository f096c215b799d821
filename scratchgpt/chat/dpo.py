"""Direct preference optimization: a policy is trained on preferences, without a reward model."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.answer_log_probs import (
    AnswerLogProbsSaved,
    answer_log_probs_backward,
    answer_log_probs_forward,
)
from scratchgpt.chat.preference_batches import PreferenceBatch, PreferenceBatches
from scratchgpt.chat.preference_loss import (
    DPOLossSaved,
    check_dpo_loss,
    dpo_loss_backward,
    dpo_loss_forward,
)
from scratchgpt.chat.token_log_probs import next_tokens
from scratchgpt.memory import Arena
from scratchgpt.models import GPT
from scratchgpt.training import Objective
from scratchgpt.training.objective import State


class DPOSaved(NamedTuple):
    log_probs: AnswerLogProbsSaved
    loss: DPOLossSaved
    batch: PreferenceBatch
    ratios: Array  # (N,) log of policy over reference, of each answer
    chosen: Array  # (P,) log-probability of each better answer
    lengths: Array | None  # (N,) of the answers, if log-probabilities are means per token


class DPO(Objective[PreferenceBatch, DPOSaved]):
    """Direct preference optimization (Rafailov et al. 2023, arXiv:2305.18290).

    The losses are those of :func:`scratchgpt.chat.preference_loss.dpo_loss_forward`. Each prompt
    has the same weight, whatever the number of its pairs.

    Parameters
    ----------
    model : GPT
        The policy.
    reference : array (number of answers,)
        Log-probability of each answer under the reference, as
        :func:`scratchgpt.chat.reference_log_probs` computes it. It is part of the state of the
        objective, so that a run is resumed with the reference of its start.
    loss : {"sigmoid", "conservative", "robust", "ipo", "ipo_mean"}
    beta : float
        Strength of the constraint that keeps the policy near the reference.
    noise : float
        Probability that a preference is wrong, for the losses conservative and robust.
    recompute : bool
        Save only the inputs of the blocks, and recompute the rest in the backward pass.

    Raises
    ------
    UserError
        If there is no such loss, or a number is out of range or has no effect.
    """

    model: GPT
    unit = "nats"

    def __init__(
        self,
        model: GPT,
        reference: Array,
        *,
        loss: str = "sigmoid",
        beta: float = 0.1,
        noise: float = 0.0,
        recompute: bool = False,
    ) -> None:
        check_dpo_loss(loss, beta, noise)
        self.model = model
        self.reference = reference
        self.kind = loss
        self.beta = beta
        self.noise = noise
        self.recompute = recompute
        self.drops = model.drops
        if loss == "ipo":
            self.unit = "nats squared"

    def weight(self, batch: PreferenceBatch) -> float:
        """Return the number of prompts."""
        return batch.n_prompts

    def loss(
        self, batch: PreferenceBatch, *, dropout_seed: int | None = None
    ) -> tuple[Any, DPOSaved]:
        tokens, targets = next_tokens(batch.tokens, batch.counted)
        log_probs, saved = answer_log_probs_forward(
            self.model, tokens, targets, dropout_seed=dropout_seed, recompute=self.recompute
        )
        ratios = log_probs - self.reference[batch.rows].astype(log_probs.real.dtype)  # (N,)
        lengths = None
        if self.kind == "ipo_mean":
            lengths = batch.counted.sum(axis=1)
            ratios = ratios / lengths
        delta = ratios[batch.winners] - ratios[batch.losers]  # (P,)
        shares = batch.shares.astype(log_probs.real.dtype)
        loss, of_loss = dpo_loss_forward(
            delta, shares, kind=self.kind, beta=self.beta, noise=self.noise
        )
        chosen = log_probs[batch.winners]
        return loss, DPOSaved(saved, of_loss, batch, ratios, chosen, lengths)

    def loss_backward(self, dloss: float, saved: DPOSaved) -> None:
        ddelta = dpo_loss_backward(dloss, saved.loss)
        dratios = np.zeros_like(saved.ratios)
        np.add.at(dratios, saved.batch.winners, ddelta)
        np.subtract.at(dratios, saved.batch.losers, ddelta)
        if saved.lengths is not None:
            dratios /= saved.lengths
        answer_log_probs_backward(dratios, self.model, saved.log_probs)

    def measures(self, saved: DPOSaved) -> dict[str, float]:
        """Return means over the preferences.

        The reward that a policy implies is beta times its log-ratio. ``accuracy`` is the share of
        the preferences whose better answer has the higher one, and ``margin`` is the difference.
        The log-probability of the better answer often falls, too, so it is there as well.
        """
        batch, shares = saved.batch, saved.batch.shares
        delta = saved.loss.delta.real
        rewards = self.beta * saved.ratios.real
        return {
            "accuracy": float((shares * _right(delta)).sum()),
            "margin": float((shares * self.beta * delta).sum()),
            "chosen_reward": float((shares * rewards[batch.winners]).sum()),
            "rejected_reward": float((shares * rewards[batch.losers]).sum()),
            "chosen_log_prob": float((shares * saved.chosen.real).sum()),
        }

    def state(self) -> State:
        return {"reference": self.reference}

    def load_state(self, state: State) -> None:
        self.reference = state["reference"]


def reference_log_probs(model: GPT, batches: PreferenceBatches) -> Array:
    """Compute the log-probability of each answer of both parts, without dropout: (answers,)."""
    found = np.zeros(batches.n_answers, model.dtype)
    arena = Arena()
    for batch in batches.all_batches():
        with arena:
            tokens, targets = next_tokens(batch.tokens, batch.counted)
            found[batch.rows] = answer_log_probs_forward(model, tokens, targets)[0]
    return found


def _right(difference: Array) -> Array:
    """Return 1 for a difference above 0, 0 below, and 1/2 for a tie."""
    return (1 + np.sign(difference)) / 2
