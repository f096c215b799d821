"""The settings of the objectives that learn from preferences and rewards."""

from dataclasses import dataclass, fields
from typing import Any, TypeVar

from scratchgpt.arguments import check_real, check_whole, plain_fields, real_number
from scratchgpt.chat.policy_loss import check_policy_loss
from scratchgpt.chat.ppo_settings import PPOSettings
from scratchgpt.chat.preference_loss import check_dpo_loss
from scratchgpt.chat.reward import check_centering
from scratchgpt.chat.task_prompts import check_task_reward
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.recipes.config import RunConfig

_LARGEST = 1e6  # of factors and penalties

Method = TypeVar("Method", bound="DPOConfig | RewardConfig | RolloutConfig")


@dataclass(frozen=True)
class DPOConfig:
    """The settings of direct preference optimization.

    Parameters
    ----------
    loss : {"sigmoid", "conservative", "robust", "ipo", "ipo_mean"}
        Loss of a preference: sigmoid, conservative, robust, ipo or ipo_mean.
    beta : float
        How strongly the model is kept near the model that it starts from.
    noise : float
        Probability that a preference is wrong, for the losses conservative and robust.

    Raises
    ------
    UserError
        If there is no such loss, or a number is out of range or has no effect.
    """

    loss: str = "sigmoid"
    beta: float = 0.1
    noise: float = 0.0

    def __post_init__(self) -> None:
        plain_fields(self)
        for name in ("beta", "noise"):
            _check_number(name, getattr(self, name))
        check_dpo_loss(self.loss, self.beta, self.noise)


@dataclass(frozen=True)
class RewardConfig:
    """The settings of a reward model.

    Parameters
    ----------
    centering : float
        Weight of the term that pulls the scores to a mean of 0; 0 disables it.

    Raises
    ------
    UserError
        If the number is negative.
    """

    centering: float = 0.0

    def __post_init__(self) -> None:
        plain_fields(self)
        check_centering(self.centering)


@dataclass(frozen=True)
class RolloutConfig:
    """The settings that all objectives share that learn from rewards of sampled answers.

    Parameters
    ----------
    reward : {"exact", "share"}
        Reward of an answer to a generated task: exact (1 if all of it is right) or share (the share
        of its symbols that are right).
    reward_model : str, optional
        Folder of a reward model that scores the answers to the prompts of a file.
    unended_penalty : float
        Subtracted from the score of a reward model if the answer is cut at its maximum length.
    max_new_tokens : int, optional
        Maximum number of tokens of an answer, by default a quarter of the context, at most 256; for
        generated tasks, the length of the right answer.
    n_prompts : int
        Number of prompts that are answered at the start of each phase.
    n_samples : int
        Number of answers to each prompt.
    inner_epochs : int
        Passes over the answers of a phase.
    minibatches : int
        Updates per pass.
    beta : float
        Factor of the penalty for the KL divergence from the model at the start; 0 disables it.

    Raises
    ------
    UserError
        If a number is out of range.
    """

    reward: str = "exact"
    reward_model: str | None = None
    unended_penalty: float = 1.0
    max_new_tokens: int | None = None
    n_prompts: int = 32
    n_samples: int = 8
    inner_epochs: int = 2
    minibatches: int = 1
    beta: float = 0.0

    def __post_init__(self) -> None:
        plain_fields(self)
        check_task_reward(self.reward)
        if self.reward_model is not None and not isinstance(self.reward_model, str):
            raise UserError(f"reward_model={self.reward_model!r} must be the folder of a model")
        for name in ("beta", "unended_penalty"):
            if check_real(name, getattr(self, name), least=0) > _LARGEST:
                raise UserError(f"{name}={getattr(self, name)} must be at most {_LARGEST:,.0f}")
        for name in ("n_prompts", "n_samples", "inner_epochs", "minibatches"):
            check_whole(name, getattr(self, name), least=1)
        if self.max_new_tokens is not None:
            check_whole("max_new_tokens", self.max_new_tokens, least=1)


@dataclass(frozen=True)
class GRPOConfig(RolloutConfig):
    """The settings of group relative policy optimization.

    Parameters
    ----------
    loss : {"grpo", "dapo", "dr_grpo"}
        Weights of the tokens in the loss: grpo (each answer counts the same), dapo (each token
        counts the same) or dr_grpo (divided by the maximum length).
    scale_rewards : bool, optional
        Divide the advantages by the standard deviation of the group; the default, except with
        dr_grpo.
    clip_low : float
        The ratio of new to old probability is clipped below 1 - clip_low.
    clip_high : float
        The ratio of new to old probability is clipped above 1 + clip_high.

    Raises
    ------
    UserError
        If there is no such loss, or a number is out of range.
    """

    loss: str = "grpo"
    scale_rewards: bool | None = None
    clip_low: float = 0.2
    clip_high: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("n_samples", self.n_samples, least=2)
        for name in ("clip_low", "clip_high"):
            _check_number(name, getattr(self, name))
        check_policy_loss(self.loss, self.clip_low, self.clip_high)
        if self.scale_rewards not in (None, True, False):
            raise UserError(f"scale_rewards={self.scale_rewards!r} must be true or false")


@dataclass(frozen=True)
class PPOConfig(PPOSettings, RolloutConfig):
    """The settings of proximal policy optimization and of its phases.

    Parameters
    ----------
    ptx : str, optional
        Text whose loss is added to that of the answers (PPO-ptx), so that the model forgets less: a
        file, a folder, or a corpus such as python-docs.

    Raises
    ------
    UserError
        If a number is out of range or has no effect, or a choice does not exist.
    """

    n_prompts: int = 256
    n_samples: int = 1
    ptx: str | None = None

    def __post_init__(self) -> None:
        PPOSettings.__post_init__(self)
        RolloutConfig.__post_init__(self)
        if self.ptx is not None and not isinstance(self.ptx, str):
            raise UserError(f"ptx={self.ptx!r} must be the name of a text")
        if self.ptx is None and self.ptx_coefficient != PPOSettings.ptx_coefficient:
            raise UserError(
                f"ptx_coefficient={self.ptx_coefficient} has no effect without a text in ptx; "
                "leave it out"
            )


def method_of(run: RunConfig, kind: type[Method]) -> Method:
    """Return the settings of the objective of a run.

    Raises
    ------
    UserError
        If a setting does not exist or is out of range.
    """
    names = [field.name for field in fields(kind)]
    values: dict[str, Any] = dict(run.method)
    for name in values:
        if name not in names:
            hint = did_you_mean(name, names) or f"; the settings are {', '.join(names)}"
            raise UserError(f"unknown setting {name!r} of the method{hint}")
    return kind(**values)


def check_method(
    run: RunConfig, kind: type[DPOConfig] | type[RewardConfig] | type[RolloutConfig] | None
) -> None:
    """Check the settings of the objective of a run; ``kind`` is None if it has none.

    Raises
    ------
    UserError
        If a setting does not exist or is out of range.
    """
    if kind is not None:
        method_of(run, kind)
    elif run.method:
        names = ", ".join(map(repr, run.method))
        raise UserError(f"the objective of this task has no settings, so leave out {names}")


def _check_number(name: str, value: Any) -> None:
    if real_number(value) is None:
        raise UserError(f"{name}={value!r} must be a number")
