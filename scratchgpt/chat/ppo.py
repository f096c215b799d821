"""Proximal policy optimization: a policy learns from the rewards of its answers."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.actor_critic import ActorCritic, ActorCriticSaved
from scratchgpt.chat.kl_control import KLControl
from scratchgpt.chat.policy_loss import (
    PolicyLossSaved,
    clip_fraction,
    policy_loss_backward,
    policy_loss_forward,
)
from scratchgpt.chat.value_loss import (
    ValueLossSaved,
    value_loss_backward,
    value_loss_forward,
)
from scratchgpt.errors import UserError
from scratchgpt.models import GPT
from scratchgpt.models.gpt import GPTLossSaved
from scratchgpt.ops.cross_entropy import (
    CrossEntropySaved,
    cross_entropy_backward,
    cross_entropy_forward,
)
from scratchgpt.text import TokenBatch
from scratchgpt.training import Objective
from scratchgpt.training.objective import State

_VALUES, _REFERENCE = "value.", "reference."  # prefixes of arrays of the state


class PPOBatch(NamedTuple):
    """Answers that the policy of the start of a phase sampled, with what was computed of them.

    Attributes
    ----------
    tokens, targets : int64 arrays (N, T)
        Tokens to read and to predict; targets of -100 do not count.
    log_probs, values : arrays (N, T)
        Those of the policy and the value function at the start of the phase.
    advantages, returns : arrays (N, T)
    weights : array (N, T)
        The weight of each token, from all answers of the update.
    measures : dict of str to float
        Measures of all answers of the phase.
    pretraining : TokenBatch or None
        Text for the term of PPO-ptx.
    """

    tokens: Array
    targets: Array
    log_probs: Array
    values: Array
    advantages: Array
    returns: Array
    weights: Array
    measures: dict[str, float]
    pretraining: TokenBatch | None = None


class PPOSaved(NamedTuple):
    model: ActorCriticSaved
    cross_entropy: CrossEntropySaved
    policy: PolicyLossSaved
    value: ValueLossSaved
    value_loss: float
    pretraining: GPTLossSaved | None
    pretraining_loss: float
    measures: dict[str, float]


class PPO(Objective[PPOBatch, PPOSaved]):
    r"""Proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347).

    .. math:: L = L_\mathrm{policy} + c_v L_\mathrm{value} + c_p L_\mathrm{pretraining}

    with the clipped losses of :func:`scratchgpt.chat.policy_loss.policy_loss_forward` and
    :func:`scratchgpt.chat.value_loss.value_loss_forward`, as means over tokens. The last term is
    the cross-entropy of text: PPO-ptx (Ouyang et al. 2022, arXiv:2203.02155, equation 2). The
    penalty for leaving the reference is part of the rewards and not of the loss; see
    :class:`scratchgpt.chat.ppo_batches.PPOBatches`.

    Parameters
    ----------
    model : ActorCritic
        The policy, without dropout, and its value function.
    reference : GPT, optional
        The policy that the penalty refers to. It is not trained, and it is part of the state, so
        that a run is resumed with the reference of its start. Without it, there is no penalty.
    control : KLControl, optional
        The strength of the penalty.
    clip : float
        A ratio of probabilities above 1 + clip or below 1 - clip gets no further gradient; 0.2 in
        Schulman et al. 2017 and Ouyang et al. 2022.
    value_clip : float
        The largest change of a value that counts; 0 disables clipping. 0.2 in
        lm-human-preferences.
    value_coefficient : float
        The factor :math:`c_v`; 0.1 in lm-human-preferences.
    ptx_coefficient : float
        The factor :math:`c_p`; 27.8 in Ouyang et al. 2022.
    recompute : bool
        Save only the inputs of the blocks, and recompute the rest in the backward pass.

    Raises
    ------
    UserError
        If the policy has dropout: the ratios would not be 1 before the first update.
    """

    model: ActorCritic
    unit = ""
    drops = False

    def __init__(
        self,
        model: ActorCritic,
        *,
        reference: GPT | None = None,
        control: KLControl | None = None,
        clip: float = 0.2,
        value_clip: float = 0.2,
        value_coefficient: float = 0.1,
        ptx_coefficient: float = 27.8,
        recompute: bool = False,
    ) -> None:
        if model.config.dropout:
            raise UserError(
                f"dropout={model.config.dropout}: a policy that is trained with PPO has no "
                "dropout; set dropout=0"
            )
        self.model = model
        self.reference = reference
        self.control = control or KLControl(0.0)
        self.clip = clip
        self.value_clip = value_clip
        self.value_coefficient = value_coefficient
        self.ptx_coefficient = ptx_coefficient
        self.recompute = recompute

    def weight(self, batch: PPOBatch) -> float:
        """Return the number of answers."""
        return len(batch.tokens)

    def n_tokens(self, batch: PPOBatch) -> int:
        text = batch.pretraining
        return batch.tokens.size + (0 if text is None else text.tokens.size)

    def loss(self, batch: PPOBatch, *, dropout_seed: int | None = None) -> tuple[Any, PPOSaved]:
        logits, values, of_model = self.model.evaluate(batch.tokens, recompute=self.recompute)
        losses, cross_entropy = cross_entropy_forward(logits, batch.targets, reduction="none")
        policy_loss, policy = policy_loss_forward(
            -losses,
            batch.log_probs,
            batch.advantages,
            batch.weights,
            clip_low=self.clip,
            clip_high=self.clip,
        )
        value_loss, value = value_loss_forward(
            values, batch.values, batch.returns, batch.weights, clip=self.value_clip
        )
        loss = policy_loss + self.value_coefficient * value_loss
        text_loss, text = 0.0, None
        if batch.pretraining is not None:
            text_loss, text = self.model.loss(*batch.pretraining, recompute=self.recompute)
            loss = loss + self.ptx_coefficient * text_loss
        return loss, PPOSaved(
            of_model,
            cross_entropy,
            policy,
            value,
            float(value_loss.real),
            text,
            float(np.real(text_loss)),
            batch.measures,
        )

    def loss_backward(self, dloss: float, saved: PPOSaved) -> None:
        logits = saved.cross_entropy.logits
        dlosses = -policy_loss_backward(dloss, saved.policy).astype(logits.dtype)
        dlogits = cross_entropy_backward(dlosses, saved.cross_entropy, dlogits_out=logits)
        dvalues = value_loss_backward(self.value_coefficient * dloss, saved.value)
        self.model.evaluate_backward(dlogits, dvalues.astype(logits.dtype), saved.model)
        if saved.pretraining is not None:
            dtext = self.ptx_coefficient * dloss
            self.model.loss_backward(dtext, saved.pretraining, in_place=True)

    def measures(self, saved: PPOSaved) -> dict[str, float]:
        """Return the measures of the phase, and those of the update; padding enters none of them.

        ``update_kl`` is the divergence of the policy from that at the start of the phase, by the
        estimate k3.
        """
        ratios = saved.policy.ratios.real
        shares = saved.policy.weights / len(ratios)  # (N, T)
        measures = {
            **saved.measures,
            "clip_fraction": clip_fraction(saved.policy),
            "update_kl": float((shares * (ratios - 1 - np.log(ratios))).sum()),
            "value_loss": saved.value_loss,
            "value_clip_fraction": float((shares * saved.value.clipped).sum()),
        }
        if saved.pretraining is not None:
            measures["ptx_loss"] = saved.pretraining_loss
        return measures

    def state(self) -> State:
        """Return the value function, the reference and the strength of the penalty."""
        arrays = {_VALUES + name: value for name, value in self.model.value_arrays().items()}
        if self.reference is not None:
            reference = self.reference.arrays().items()
            arrays |= {_REFERENCE + name: value for name, value in reference}
        return {"beta": self.control.beta, **arrays}

    def load_state(self, state: State) -> None:
        for name, value in self.state().items():
            if name != "beta":
                if state[name].shape != value.shape:
                    raise UserError(
                        f"the run has a {name} of {state[name].shape}, and this one "
                        f"{value.shape}; resume it with the reward model of its start"
                    )
                value[...] = state[name]
        self.control.beta = float(state["beta"])
