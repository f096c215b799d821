"""What PPO learns from answers: the rewards, values and advantages of their tokens."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.actor_critic import ActorCritic
from scratchgpt.chat.advantages import (
    explained_variance,
    gae,
    kl_estimates,
    token_rewards,
    whiten,
)
from scratchgpt.chat.policy_loss import token_weights
from scratchgpt.chat.ppo_settings import PPOSettings
from scratchgpt.chat.rollouts import Rollouts
from scratchgpt.chat.token_log_probs import next_tokens, token_log_probs_forward
from scratchgpt.memory import Arena
from scratchgpt.models import GPT
from scratchgpt.ops.cross_entropy import IGNORE_INDEX, cross_entropy_forward

_AT_ONCE = 8192  # positions of a batch without a gradient


class PPOExperience(NamedTuple):
    """Answers of the policy at the start of a phase, and what was computed of them.

    Attributes
    ----------
    tokens, targets : int64 arrays (N, T)
        Tokens to read and to predict; targets of -100 do not count.
    log_probs, values : arrays (N, T)
        Those of the policy and of its value function.
    advantages, returns : arrays (N, T)
    weights : array (N, T)
        The weights of the tokens in the losses, which :func:`weigh` computes.
    scores, rewards : arrays (N,)
        What the reward model or rule says, without and with the penalty.
    kl, kl_k3 : arrays (N,)
        Estimates of the divergence from the reference.
    ended : bool array (N,)
    """

    tokens: Array
    targets: Array
    log_probs: Array
    values: Array
    advantages: Array
    returns: Array
    weights: Array
    scores: Array
    rewards: Array
    kl: Array
    kl_k3: Array
    ended: Array


def learn_from(
    rollouts: Rollouts,
    scores: Array,
    config: PPOSettings,
    model: ActorCritic,
    reference: GPT | None,
    beta: float,
    arena: Arena,
) -> tuple[PPOExperience, float]:
    """Compute what to learn from the answers of a phase.

    Log-probabilities and values are recomputed as in training, so that the first ratio is 1.

    Parameters
    ----------
    rollouts : Rollouts
    scores : array (N,)
    config : PPOSettings
    model : ActorCritic
    reference : GPT, optional
        By default, there is no penalty.
    beta : float
    arena : Arena
        Memory for the forward passes.

    Returns
    -------
    experience : PPOExperience
    explained : float
        Share of the variance of the returns that the values predict.
    """
    tokens, targets = next_tokens(rollouts.tokens, rollouts.counted)
    counted = targets != IGNORE_INDEX
    log_probs, others, values = np.zeros((3, *tokens.shape), model.dtype)
    at_once = max(1, _AT_ONCE // tokens.shape[1])
    for first in range(0, len(tokens), at_once):
        rows = slice(first, first + at_once)
        with arena:
            logits, values[rows], _ = model.evaluate(tokens[rows])
            log_probs[rows] = -cross_entropy_forward(logits, targets[rows], reduction="none")[0]
            if reference is not None:
                others[rows] = token_log_probs_forward(reference, tokens[rows], targets[rows])[0]
    kl = kl_estimates(log_probs, log_probs if reference is None else others, counted)
    scores = scores.astype(model.dtype)
    rewards = each = token_rewards(scores, kl.k1, counted, beta=beta)
    if config.whiten_rewards:
        each = whiten(each, counted, shift_mean=False)
    advantages = gae(each, values, counted, gamma=config.gamma, lam=config.lam)
    returns = advantages + np.where(counted, values, 0)
    explained = explained_variance(values, returns, counted)
    if config.whitening == "batch":
        advantages = whiten(advantages, counted)
    experience = PPOExperience(
        tokens,
        targets,
        log_probs,
        values,
        advantages,
        returns,
        np.zeros_like(values),
        scores,
        rewards.sum(axis=1),
        kl.k1.sum(axis=1),
        kl.k3.sum(axis=1),
        rollouts.ended,
    )
    return experience, explained


def weigh(experience: PPOExperience, config: PPOSettings) -> PPOExperience:
    """Compute the weights of the tokens of an update, and whiten its advantages if asked for."""
    counted = experience.targets != IGNORE_INDEX
    weights = token_weights(counted, "dapo", 1).astype(experience.values.dtype)
    advantages = experience.advantages
    if config.whitening == "minibatch":
        advantages = whiten(advantages, counted)
    return experience._replace(weights=weights, advantages=advantages)
