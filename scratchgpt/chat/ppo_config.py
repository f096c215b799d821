"""The settings of proximal policy optimization."""

import math
from dataclasses import dataclass

from scratchgpt.arguments import check_real, check_whole, plain_fields
from scratchgpt.chat.advantages import WHITENINGS
from scratchgpt.chat.kl_control import check_kl_control
from scratchgpt.errors import UserError, did_you_mean

VALUES = ("separate", "shared")


@dataclass(frozen=True)
class PPOConfig:
    """The settings of proximal policy optimization (PPO).

    Most defaults are those of Ouyang et al. 2022, arXiv:2203.02155 (InstructGPT), appendix C.4, or,
    if it names none, of lm-human-preferences, the code of Ziegler et al. 2019, arXiv:1909.08593.

    Parameters
    ----------
    beta : float
        How strongly the model is kept near the model that it starts from; 0 disables the penalty.
        InstructGPT: 0.02.
    kl_target : float
        Divergence per answer to which beta adapts, in nats; 0 keeps beta constant. InstructGPT: 0;
        lm-human-preferences: 6 in some of its experiments.
    kl_horizon : float
        Number of answers over which beta changes by up to 20 %. lm-human-preferences: 10000.
    clip : float
        How far the probability of a token may change in a phase before it has no gradient.
        InstructGPT: 0.2.
    value_clip : float
        How far a value may change in a phase before it has no gradient; 0 disables clipping.
        lm-human-preferences: 0.2.
    value_coefficient : float
        Factor of the loss of the values. lm-human-preferences: 0.1.
    value : {"separate", "shared"}
        Value function: separate or shared, a network of its own or a head on the policy.
        InstructGPT: separate, and started from the reward model.
    gamma : float
        Discount of later rewards. InstructGPT: 1.
    lam : float
        Decay of the advantage estimator. lm-human-preferences: 0.95.
    whitening : {"batch", "minibatch", "none"}
        Scale the advantages to mean 0 and variance 1: over a batch, a minibatch or none. TRL: batch;
        lm-human-preferences: minibatch.
    whiten_rewards : bool
        Scale the rewards to a variance of 1, too. lm-human-preferences: true; TRL: false, because
        it made results worse in Huang et al. 2024, arXiv:2403.17031.
    end_penalty : float
        Subtracted from the score of an answer that does not end within its maximum length.
        InstructGPT: 0.
    ptx_coefficient : float
        Factor of the loss of the text in ptx. InstructGPT: 27.8.
    inner_epochs : int
        Passes over the answers of a phase. InstructGPT: 1; lm-human-preferences: 4.

    Raises
    ------
    UserError
        If a number is out of range or has no effect, or a choice does not exist.
    """

    beta: float = 0.02
    kl_target: float = 0.0
    kl_horizon: float = 10_000
    clip: float = 0.2
    value_clip: float = 0.2
    value_coefficient: float = 0.1
    value: str = "separate"
    gamma: float = 1.0
    lam: float = 0.95
    whitening: str = "batch"
    whiten_rewards: bool = False
    end_penalty: float = 0.0
    ptx_coefficient: float = 27.8
    inner_epochs: int = 1

    def __post_init__(self) -> None:
        plain_fields(self)
        for name in (
            *("beta", "kl_target", "kl_horizon", "clip", "value_clip", "value_coefficient"),
            *("gamma", "lam", "end_penalty", "ptx_coefficient"),
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
        check_whole("inner_epochs", self.inner_epochs, least=1)
