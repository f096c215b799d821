"""The settings of the objectives that learn from preferences."""

from dataclasses import dataclass, fields
from typing import Any, TypeVar

from scratchgpt.arguments import plain_fields, real_number
from scratchgpt.chat.preference_loss import check_dpo_loss
from scratchgpt.chat.reward import check_centering
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.recipes.config import RunConfig

Method = TypeVar("Method", bound="DPOConfig | RewardConfig")


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


def check_method(run: RunConfig, kind: type[DPOConfig] | type[RewardConfig] | None) -> None:
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
