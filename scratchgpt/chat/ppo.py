"""Proximal policy optimization: a policy learns from the rewards of its answers."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.actor_critic import ActorCritic, ActorCriticSaved
from scratchgpt.chat.kl_control import KLControl
from scratchgpt.chat.policy_loss import (
    PolicyLossSaved,
    policy_loss_backward,
    policy_loss_forward,
)
from scratchgpt.chat.ppo_experience import PPOExperience, learn_from, weigh
from scratchgpt.chat.ppo_settings import PPOSettings
from scratchgpt.chat.rollouts import Rollouts
from scratchgpt.chat.value_loss import (
    ValueLossSaved,
    value_loss_backward,
    value_loss_forward,
)
from scratchgpt.errors import UserError
from scratchgpt.memory import Arena
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


class PPOBatch(NamedTuple):
    """Answers to learn from, and text for the term of PPO-ptx."""

    answers: PPOExperience
    text: TokenBatch | None = None


class PPOSaved(NamedTuple):
    model: ActorCriticSaved
    cross_entropy: CrossEntropySaved
    policy: PolicyLossSaved
    value: ValueLossSaved
    text: GPTLossSaved | None
    value_loss: float
    text_loss: float
    answers: PPOExperience


class PPO(Objective[PPOBatch, PPOSaved]):
    r"""Proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347).

    .. math:: L = L_\mathrm{policy} + c_v L_\mathrm{value} + c_p L_\mathrm{text}

    The clipped losses are those of :func:`scratchgpt.chat.policy_loss.policy_loss_forward` and
    :func:`scratchgpt.chat.value_loss.value_loss_forward`, as means over the tokens of an update.
    The last term is the cross-entropy of text: PPO-ptx (Ouyang et al. 2022, arXiv:2203.02155,
    equation 2). The penalty for the distance from the reference is part of the rewards and not a
    term of the loss.

    Parameters
    ----------
    model : ActorCritic
        The policy, without dropout, and its value function.
    config : PPOSettings, optional
    reference : GPT, optional
        The policy that the penalty refers to. It is not trained, and it is part of the state, so
        that a run is resumed with the reference of its start. By default, if ``beta`` is not 0, it
        is a copy of the policy; if that has adapters, it is the policy without them.
    recompute : bool
        Save only the inputs of the blocks, and recompute the rest in the backward pass.

    Attributes
    ----------
    policy : ActorCritic
        The model that answers: ``model``.
    control : KLControl
        The strength of the penalty.

    Raises
    ------
    UserError
        If the policy has dropout: the ratios would not be 1 before the first update.
    """

    model: ActorCritic
    drops = False

    def __init__(
        self,
        model: ActorCritic,
        config: PPOSettings | None = None,
        *,
        reference: GPT | None = None,
        recompute: bool = False,
    ) -> None:
        if model.config.dropout:
            raise UserError(
                f"dropout={model.config.dropout}: a policy that is trained with PPO has no "
                "dropout; set dropout=0"
            )
        self.config = config = config or PPOSettings()
        self.model = self.policy = model
        self.control = KLControl(config.beta, target=config.kl_target, horizon=config.kl_horizon)
        self.reference = None
        if config.beta:
            self.reference = model.policy_alone() if reference is None else reference
        self._keeps_reference = reference is not None or model.lora is None
        self.recompute = recompute
        self.explained_variance = 0.0  # of the phase
        self._arena = Arena()  # one for all phases, so that only the first allocates memory

    def experience(self, rollouts: Rollouts, rewards: Array) -> PPOExperience:
        """Compute rewards, advantages and returns of the tokens of the answers of a phase.

        The controller of the penalty sees the answers, too, for the next phase.
        """
        found, self.explained_variance = learn_from(
            rollouts,
            rewards,
            self.config,
            self.model,
            self.reference,
            self.control.beta,
            self._arena,
        )
        self.control.update(float(found.kl.mean()), len(found.kl))
        return found

    def update_batch(self, experience: PPOExperience) -> PPOExperience:
        """Compute what the answers of an update need of each other: the weights of their tokens."""
        return weigh(experience, self.config)

    def weight(self, batch: PPOBatch) -> float:
        """Return the number of answers."""
        return len(batch.answers.tokens)

    def n_tokens(self, batch: PPOBatch) -> int:
        return batch.answers.tokens.size + (batch.text.tokens.size if batch.text else 0)

    def loss(self, batch: PPOBatch, *, dropout_seed: int | None = None) -> tuple[Any, PPOSaved]:
        answers, text = batch
        config, recompute = self.config, self.recompute
        logits, values, of_model = self.model.evaluate(answers.tokens, recompute=recompute)
        losses, cross_entropy = cross_entropy_forward(logits, answers.targets, reduction="none")
        loss, policy = policy_loss_forward(
            -losses,
            answers.log_probs,
            answers.advantages,
            answers.weights,
            clip_low=config.clip,
            clip_high=config.clip,
        )
        value_loss, value = value_loss_forward(
            values, answers.values, answers.returns, answers.weights, clip=config.value_clip
        )
        loss = loss + config.value_coefficient * value_loss
        text_loss, of_text = 0.0, None
        if text is not None:
            text_loss, of_text = self.model.loss(*text, recompute=recompute)
            loss = loss + config.ptx_coefficient * text_loss
        numbers = float(np.real(value_loss)), float(np.real(text_loss))
        return loss, PPOSaved(of_model, cross_entropy, policy, value, of_text, *numbers, answers)

    def loss_backward(self, dloss: float, saved: PPOSaved) -> None:
        logits = saved.cross_entropy.logits
        dlosses = -policy_loss_backward(dloss, saved.policy)
        dlogits = cross_entropy_backward(
            dlosses.astype(logits.dtype), saved.cross_entropy, dlogits_out=logits
        )
        dvalues = value_loss_backward(self.config.value_coefficient * dloss, saved.value)
        self.model.evaluate_backward(dlogits, dvalues.astype(logits.dtype), saved.model)
        if saved.text is not None:
            dtext = self.config.ptx_coefficient * dloss
            self.model.loss_backward(dtext, saved.text, in_place=True)

    def measures(self, saved: PPOSaved) -> dict[str, float]:
        """Return means over the answers or their tokens; padding enters none of them.

        ``score`` is what the reward model or rule says. ``reward`` is the score minus the
        penalty. ``kl`` and ``kl_k3`` estimate the divergence from the reference, in nats per
        answer, and ``update_kl`` that from the policy at the start of the phase, per token.
        ``explained_variance`` is the share of the variance of the returns that the values predict,
        in the whole phase.
        """
        answers, ratios = saved.answers, saved.policy.ratios.real
        shares = answers.weights / len(ratios)  # (N, T) of the tokens
        measures = {
            "score": answers.scores.mean(),
            "reward": answers.rewards.mean(),
            "answer_length": (answers.weights > 0).sum(axis=1).mean(),
            "ended": answers.ended.mean(),
            "clip_fraction": (shares * saved.policy.clipped).sum(),
            "update_kl": (shares * (ratios - 1 - np.log(ratios))).sum(),
            "value_loss": saved.value_loss,
            "value_clip_fraction": (shares * saved.value.clipped).sum(),
            "explained_variance": self.explained_variance,
        }
        if self.reference is not None:
            measures |= {"kl": answers.kl.mean(), "kl_k3": answers.kl_k3.mean()}
        if self.config.kl_target:
            measures["beta"] = self.control.beta
        if saved.text is not None:
            measures["ptx_loss"] = saved.text_loss
        return {name: float(value) for name, value in measures.items()}

    def state(self) -> State:
        """Return the parameters of the value function, the reference, and an adapting ``beta``."""
        arrays = self.model.value_arrays().values()
        state: State = {"values": np.concatenate([value.ravel() for value in arrays])}
        if self.reference is not None and self._keeps_reference:
            state["reference"] = self.reference.store.values
        if self.config.kl_target:
            state["beta"] = self.control.beta
        return state

    def load_state(self, state: State) -> None:
        own = self.state()
        for name in own.keys() - {"beta"}:
            if state[name].shape != own[name].shape:
                raise UserError(
                    f"the {name} of the run are {state[name].size:,} parameters, and now there are "
                    f"{own[name].size:,}; resume it with the models of its start"
                )
        first = 0
        for value in self.model.value_arrays().values():
            value[...] = state["values"][first : first + value.size].reshape(value.shape)
            first += value.size
        if self.reference is not None and self._keeps_reference:
            self.reference.store.values[...] = state["reference"]
        if self.config.kl_target:
            self.control.beta = float(state["beta"])
