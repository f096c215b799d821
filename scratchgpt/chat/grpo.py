"""Group relative policy optimization: a policy learns from rewards of its own answers."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import check_real, check_whole
from scratchgpt.backend import Array
from scratchgpt.chat.group_experience import GroupExperience, equal_rows, group_advantages
from scratchgpt.chat.policy_loss import (
    PolicyLossSaved,
    check_policy_loss,
    clip_fraction,
    policy_loss_backward,
    policy_loss_forward,
    token_weights,
)
from scratchgpt.chat.rollout_batches import take_rows
from scratchgpt.chat.rollouts import Rollouts
from scratchgpt.chat.token_log_probs import (
    TokenLogProbsSaved,
    next_tokens,
    token_log_probs_backward,
    token_log_probs_forward,
)
from scratchgpt.memory import Arena
from scratchgpt.models import GPT
from scratchgpt.models.lora import share_base
from scratchgpt.training import Objective
from scratchgpt.training.objective import State

AT_ONCE = 8192  # positions of a batch whose log-probabilities need no gradient


class GRPOSaved(NamedTuple):
    log_probs: TokenLogProbsSaved
    loss: PolicyLossSaved
    batch: GroupExperience
    counts: Array  # (R,) how many answers of the batch are equal to that of the row
    divergence: Array | None  # (R,) estimate of the KL divergence from the reference


class GRPO(Objective[GroupExperience, GRPOSaved]):
    r"""Group relative policy optimization (Shao et al. 2024, arXiv:2402.03300).

    The policy samples a group of answers to each prompt. The advantage of an answer is its reward
    compared with those of its group. Then the clipped loss of
    :func:`scratchgpt.chat.policy_loss.policy_loss_forward` makes answers with positive advantages
    more probable.

    The penalty for the distance from the reference is part of the reward,
    :math:`R - \beta \sum_t \log\frac{\pi(y_t)}{\pi_\mathrm{ref}(y_t)}`, and not a term of the loss
    as in the paper: the gradient of that term is not the one of the KL divergence.

    If all answers of a group have the same reward, nothing is computed for them, because their
    gradient is 0. Equal answers to a prompt are computed once. Dropout is off, also in training,
    because it would change the ratio of the policies.

    Parameters
    ----------
    model : GPT
        The policy.
    n_samples : int
        Number of answers in a group, at least 2.
    max_length : int
        Maximum number of tokens of an answer, for the loss dr_grpo.
    loss : {"grpo", "dapo", "dr_grpo"}
        See :func:`scratchgpt.chat.policy_loss.token_weights`.
    scale_rewards : bool, optional
        Whether to divide the advantages by the standard deviation of the group; by default yes,
        except with dr_grpo. The division changes the weight of each prompt, and so what is best for
        all of them.
    beta : float
        Factor of the penalty; 0 disables it, and then there is no reference.
    clip_low, clip_high : float
    reference : GPT, optional
        By default, a copy of the model; if it has adapters, the model without them, which needs no
        copy. A copy is part of the state of the objective, so that a run is resumed with the
        reference of its start.
    recompute : bool
        Save only the inputs of the blocks, and recompute the rest in the backward pass.

    Raises
    ------
    UserError
        If there is no such loss, or a number is out of range.
    """

    model: GPT
    drops = False

    def __init__(
        self,
        model: GPT,
        *,
        n_samples: int,
        max_length: int,
        loss: str = "grpo",
        scale_rewards: bool | None = None,
        beta: float = 0.0,
        clip_low: float = 0.2,
        clip_high: float = 0.2,
        reference: GPT | None = None,
        recompute: bool = False,
    ) -> None:
        check_policy_loss(loss, clip_low, clip_high)
        check_real("beta", beta, least=0)
        self.model = self.policy = model
        self.reference: GPT | None = None
        if beta:
            self.reference = reference or copy_of_policy(model)
        self._keeps_reference = beta > 0 and (reference is not None or model.lora is None)
        self.n_samples = check_whole("n_samples", n_samples, least=2)
        self.max_length = check_whole("max_length", max_length, least=1)
        self.kind = loss
        self.scales = loss != "dr_grpo" if scale_rewards is None else scale_rewards
        self.beta = beta
        self.clip_low = clip_low
        self.clip_high = clip_high
        self.recompute = recompute
        self._arena = Arena()

    def experience(self, rollouts: Rollouts, rewards: Array) -> GroupExperience:
        """Compute the advantages of the answers of a phase, and their log-probabilities.

        The log-probabilities are those of the forward pass in training, so that the first ratio
        is 1.
        """
        n_rows, n_tokens = rollouts.tokens.shape
        is_first = np.arange(n_rows) % self.n_samples == 0  # of the answers to a prompt
        if self.reference is None:
            advantages = group_advantages(rewards, self.n_samples, scaled=self.scales)
            needed = is_first | (advantages != 0)
            old = np.zeros((n_rows, n_tokens - 1), self.model.dtype)
            old[needed] = log_probs_of(self.model, take_rows(rollouts, needed), self._arena)
            reference = old[:, :0]
        else:
            old = log_probs_of(self.model, rollouts, self._arena)
            reference = log_probs_of(self.reference, rollouts, self._arena)
            total = rewards - self.beta * (old - reference).sum(axis=1, dtype=np.float64)
            advantages = group_advantages(total, self.n_samples, scaled=self.scales)
        surprise = -old.sum(axis=1, dtype=np.float64)
        return GroupExperience(
            rollouts.tokens,
            rollouts.counted,
            old,
            reference,
            advantages[:, None].astype(old.dtype),
            np.zeros_like(old),
            rewards,
            rollouts.ended,
            np.where(is_first, self.n_samples * surprise, 0.0),
        )

    def update_batch(self, experience: GroupExperience) -> GroupExperience:
        """Compute the weights of the tokens in the loss of an update."""
        weights = token_weights(experience.counted[:, 1:], self.kind, self.max_length)
        return experience._replace(weights=weights.astype(experience.old_log_probs.dtype))

    def weight(self, batch: GroupExperience) -> float:
        """Return the number of answers."""
        return len(batch.tokens)

    def loss(
        self, batch: GroupExperience, *, dropout_seed: int | None = None
    ) -> tuple[Any, GRPOSaved]:
        some, counts = _to_compute(batch)
        factors = (counts * (len(counts) / len(batch.weights))).astype(some.weights.dtype)
        tokens, targets = next_tokens(some.tokens, some.counted)
        log_probs, saved = token_log_probs_forward(
            self.model, tokens, targets, recompute=self.recompute
        )
        loss, of_loss = policy_loss_forward(
            log_probs,
            some.old_log_probs,
            some.advantages,
            some.weights * factors[:, None],
            clip_low=self.clip_low,
            clip_high=self.clip_high,
        )
        divergence = None
        if self.reference is not None:
            divergence = divergence_estimate(log_probs.real, some.reference_log_probs)
        return loss, GRPOSaved(saved, of_loss, batch, counts, divergence)

    def loss_backward(self, dloss: float, saved: GRPOSaved) -> None:
        dlog_probs = policy_loss_backward(dloss, saved.loss)
        token_log_probs_backward(dlog_probs, self.model, saved.log_probs)

    def measures(self, saved: GRPOSaved) -> dict[str, float]:
        """Return means over the answers.

        ``kl`` estimates the KL divergence of the policy from the reference, in nats per answer, if
        there is a reference.
        ``clip_fraction`` is the share of the tokens whose loss is clipped. ``entropy`` estimates
        the entropy of an answer when it was sampled, in nats.
        """
        batch = saved.batch
        kl = {}
        if saved.divergence is not None:
            kl["kl"] = float(np.average(saved.divergence, weights=saved.counts))
        share = float(saved.counts.sum() / len(batch.rewards))
        return {
            "reward": float(batch.rewards.mean()),
            **kl,
            "clip_fraction": share * clip_fraction(saved.loss, saved.counts),
            "answer_length": float(batch.counted.sum(axis=1).mean()),
            "ended": float(batch.ended.mean()),
            "entropy": float(batch.entropy.mean()),
        }

    def state(self) -> State:
        if self.reference is None or not self._keeps_reference:
            return {}
        return {"reference": self.reference.store.values}

    def load_state(self, state: State) -> None:
        if self.reference is not None and self._keeps_reference:
            self.reference.store.values[...] = state["reference"]


def copy_of_policy(model: GPT) -> GPT:
    """Return a policy as it is now, at the start of a run, to compare it with later.

    Adapters change nothing at the start, so that the frozen parameters below them suffice.
    """
    if model.lora:
        return share_base(model, GPT.blank(model.config, model.dtype))
    return model.astype(model.dtype)


def _to_compute(batch: GroupExperience) -> tuple[GroupExperience, Array]:
    """Return the different answers with an advantage, at least one, and how many are equal."""
    rows = np.flatnonzero(batch.advantages)  # a row per answer
    some = take_rows(batch, rows if len(rows) else np.arange(1))
    first, sets = equal_rows(some.tokens, some.counted, some.old_log_probs, some.advantages)
    return take_rows(some, first), np.bincount(sets)


def divergence_estimate(log_probs: Array, reference: Array) -> Array:
    r"""Estimate the KL divergence from a reference, for each sampled answer.

    .. math:: k_3 = \sum_t \left(e^{-d_t} - 1 + d_t\right) \qquad
        d_t = \log\pi(y_t) - \log\pi_\mathrm{ref}(y_t)

    The estimate is never negative, and unbiased for answers of the policy (Schulman 2020,
    "Approximating KL divergence").

    Parameters
    ----------
    log_probs, reference : arrays (N, T)

    Returns
    -------
    estimate : array (N,)
    """
    d = (log_probs - reference).astype(np.float64)
    return (np.expm1(-d) + d).sum(axis=1)


def log_probs_of(model: GPT, rollouts: Rollouts, arena: Arena) -> Array:
    """Compute the log-probabilities of the next tokens of rollouts, without dropout.

    Parameters
    ----------
    model : GPT
    rollouts : Rollouts
    arena : Arena
        Keeps the memory for the next call.

    Returns
    -------
    log_probs : array (N, T - 1)
        0 for tokens that do not count.
    """
    first, sets = equal_rows(rollouts.tokens, rollouts.counted)
    tokens, targets = next_tokens(rollouts.tokens[first], rollouts.counted[first])
    found = np.zeros(tokens.shape, model.dtype)
    at_once = max(1, AT_ONCE // tokens.shape[1])
    for start in range(0, len(tokens), at_once):
        rows = slice(start, start + at_once)
        with arena:
            found[rows] = token_log_probs_forward(model, tokens[rows], targets[rows])[0]
    return found[sets]
