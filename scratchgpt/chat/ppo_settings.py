"""The settings of proximal policy optimization."""

import math
from dataclasses import dataclass

from scratchgpt.arguments import check_real, plain_fields
from scratchgpt.chat.advantages import WHITENINGS
from scratchgpt.chat.kl_control import check_kl_control
from scratchgpt.errors import UserError, did_you_mean

VALUES = ("separate", "shared")


@dataclass(frozen=True)
class PPOSettings:
    """The settings of proximal policy optimization (PPO).

    Most defaults are those of Ouyang et al. 2022, arXiv:2203.02155 (InstructGPT), appendix C.4, or,
    if it names none, of lm-human-preferences, the code of Ziegler et al. 2019, arXiv:1909.08593.

    Parameters
    ----------
    beta : float
        Factor of the penalty for the KL divergence from the model at the start; 0 disables it.
        InstructGPT: 0.02.
    kl_target : float
        KL divergence per answer to which beta adapts, in nats; 0 keeps beta constant. InstructGPT:
        0; lm-human-preferences: 6 for some tasks, from a beta of 0.15.
    kl_horizon : float
        Number of answers over which an adapting beta changes by up to 20 %. lm-human-preferences:
        10000.
    clip : float
        The ratio of new to old probability is clipped below 1 - clip and above 1 + clip.
        InstructGPT: 0.2.
    value : {"separate", "shared"}
        Value function: separate or shared, a network of its own or a head on the policy.
        InstructGPT: separate.
    value_clip : float
        Largest change of a value in a phase that counts; 0 disables clipping.
        lm-human-preferences: 0.2.
    value_coefficient : float
        Factor of the loss of the values. lm-human-preferences: 0.1.
    gamma : float
        Discount of later rewards. InstructGPT: 1.
    lam : float
        Decay of the sum in the estimate of the advantages. lm-human-preferences: 0.95.
    whitening : {"batch", "minibatch", "none"}
        Answers whose advantages get mean 0 and variance 1 together: batch (a phase), minibatch (an
        update) or none. TRL: batch; lm-human-preferences: minibatch.
    whiten_rewards : bool
        Scale the rewards of the tokens of a phase to a variance of 1. TRL: false;
        lm-human-preferences: true. It made results worse in Huang et al. 2024, arXiv:2403.17031.
    ptx_coefficient : float
        Factor of the loss of the text in ptx. InstructGPT: 27.8.

    Raises
    ------
    UserError
        If a number is out of range or has no effect, or a choice does not exist.
    """

    beta: float = 0.02
    kl_target: float = 0.0
    kl_horizon: float = 10_000
    clip: float = 0.2
    value: str = "separate"
    value_clip: float = 0.2
    value_coefficient: float = 0.1
    gamma: float = 1.0
    lam: float = 0.95
    whitening: str = "batch"
    whiten_rewards: bool = False
    ptx_coefficient: float = 27.8

    def __post_init__(self) -> None:
        plain_fields(self)
        for name in (
            *("beta", "kl_target", "kl_horizon", "clip", "value_clip", "value_coefficient"),
            *("gamma", "lam", "ptx_coefficient"),
        ):
            if not math.isfinite(check_real(name, getattr(self, name), least=0)):
                raise UserError(f"{name}={getattr(self, name)} must be finite")
        check_kl_control(self.beta, self.kl_target, self.kl_horizon)
        if not 0 < self.clip < 1:
            raise UserError(f"clip={self.clip} must be between 0 and 1, for example 0.2")
        for name in ("gamma", "lam"):
            if getattr(self, name) > 1:
                raise UserError(f"{name}={getattr(self, name)} must not be more than 1")
        for name, choices in (("value", VALUES), ("whitening", WHITENINGS)):
            value = getattr(self, name)
            if value not in choices:
                hint = did_you_mean(str(value), choices)
                raise UserError(f"{name}={value!r} is not one of {', '.join(choices)}{hint}")
        if not isinstance(self.whiten_rewards, bool):
            raise UserError(f"whiten_rewards={self.whiten_rewards!r} must be true or false")
