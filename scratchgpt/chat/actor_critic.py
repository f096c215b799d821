"""A policy and its value function, which are trained together."""

from typing import Any, NamedTuple, Self

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.layers import Head, HeadSaved, Layer, Parameter
from scratchgpt.layers.parameters import zeros
from scratchgpt.models import GPT, GPTConfig, GPTReward
from scratchgpt.models.backbone import Backbone, BackboneSaved
from scratchgpt.models.gpt import GPTSaved
from scratchgpt.models.lora import share_base


class CriticSaved(NamedTuple):
    transformer: BackboneSaved
    score: HeadSaved


class Critic(Layer):
    r"""A value of each token, :math:`V_t = w^\top x_t`: the body of a GPT with a linear head.

    Its parameters have the names of those of :class:`scratchgpt.models.GPTReward`. The weights of
    the head are 0 in a new critic, as in lm-human-preferences.

    Parameters
    ----------
    config : GPTConfig
    """

    def __init__(self, config: GPTConfig) -> None:
        self.config = config
        self.transformer = Backbone(config)
        self.score = value_head(config)

    def forward(
        self, tokens: Array, *, dropout_seed: int | None = None, recompute: bool = False
    ) -> tuple[Array, CriticSaved]:
        """Compute the values (B, T) for tokens (B, T)."""
        x, transformer = self.transformer.forward(
            tokens, dropout_seed=dropout_seed, recompute=recompute
        )
        values, score = self.score.forward(x)  # (B, T, 1)
        return values[..., 0], CriticSaved(transformer, score)

    def backward(self, dvalues: Array, saved: CriticSaved) -> None:
        """Add the gradients of all parameters, for upstream gradients dvalues (B, T)."""
        dx = self.score.backward(dvalues[..., None], saved.score)
        self.transformer.backward(dx, saved.transformer)


class ActorCriticSaved(NamedTuple):
    gpt: GPTSaved
    values: CriticSaved | HeadSaved


class ActorCritic(GPT):
    """A GPT with a value function, either a network of its own or a head on its last states.

    It is saved as the GPT alone: the value function belongs to the training state of a run. It
    generates like any GPT.

    Parameters
    ----------
    config : GPTConfig
        The policy.
    critic : GPTConfig, optional
        The value network; by default, the value function is a head on the states of the policy.
    seed, dtype
        As in :class:`scratchgpt.models.GPT`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchgpt.models import GPTConfig
    >>> config = GPTConfig(n_layer=2, n_head=2, n_embd=8, block_size=16, vocab_size=11)
    >>> logits, values, _ = ActorCritic(config).evaluate(np.arange(10).reshape(2, 5))
    >>> logits.shape, values.shape
    ((2, 5, 11), (2, 5))
    """

    def __init__(
        self,
        config: GPTConfig,
        critic: GPTConfig | None = None,
        *,
        seed: int | None = 0,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(config, seed=None, dtype=dtype)
        self.critic = Critic(critic) if critic else value_head(config)
        self.initialize(seed, dtype)

    @classmethod
    def from_gpt(cls, gpt: GPT, *, shared: bool = False, reward: GPTReward | None = None) -> Self:
        """Make a policy with the weights of a GPT, and a value function.

        Parameters
        ----------
        gpt : GPT
        shared : bool
            Let policy and values have one body, with a new head for the values.
        reward : GPTReward, optional
            The weights that a value network starts from (Ouyang et al. 2022, arXiv:2203.02155,
            appendix C.4). By default, it starts from those of the GPT, with a new head.

        Raises
        ------
        UserError
            If ``reward`` is given for a shared body.
        """
        if shared and reward:
            raise UserError(
                "a shared value function cannot start from the reward model; choose one of both"
            )
        source = gpt if reward is None else reward
        critic = None
        if not shared:
            own = source.config.as_dict() | {"dropout": gpt.config.dropout}
            critic = GPTConfig(**own)
        model = cls(gpt.config, critic, seed=None, dtype=gpt.dtype)
        model.special_ids = gpt.special_ids
        for name, value in model.arrays().items():
            value[...] = gpt.store.named[name].value
        for name, value in model.value_arrays().items() if critic else ():
            name = name.removeprefix("critic.")
            if reward is not None or not name.startswith("score."):
                value[...] = source.store.named[name].value
        return model

    def arrays(self) -> dict[str, Array]:
        """Return the values of the parameters of the policy, by name."""
        return {name: value for name, value in super().arrays().items() if not _is_of_critic(name)}

    def value_arrays(self) -> dict[str, Array]:
        """Return the values of the parameters of the value function, by name."""
        return {name: value for name, value in super().arrays().items() if _is_of_critic(name)}

    def policy_alone(self) -> GPT:
        """Return a copy of the policy as a GPT without values.

        Of a policy with adapters, return the GPT below them, which shares its parameters.
        """
        gpt = GPT.blank(self.config, self.dtype)
        gpt.special_ids = self.special_ids
        if self.lora:
            return share_base(self, gpt)
        for name, value in self.arrays().items():
            gpt.store.named[name].value[...] = value
        return gpt

    def with_config(self, config: Any, dtype: Any = None) -> Self:
        """Return a copy with other settings of the policy; see ``GPT.with_config``."""
        critic = self.critic.config if isinstance(self.critic, Critic) else None
        other = type(self)(config, critic, seed=None, dtype=dtype or self.dtype)
        return self._copied(other)

    def evaluate(
        self, tokens: Array, *, dropout_seed: int | None = None, recompute: bool = False
    ) -> tuple[Array, Array, ActorCriticSaved]:
        """Compute the logits (B, T, V) of the next token, and the values (B, T), at each position.

        The value of a position is from before the next token.

        Parameters
        ----------
        tokens : integer array (B, T)
        dropout_seed, recompute
            As in ``GPT.forward``.
        """
        x, transformer = self.transformer.forward(
            tokens, dropout_seed=dropout_seed, recompute=recompute
        )
        logits, lm_head = self.lm_head.forward(x)
        of_values: CriticSaved | HeadSaved
        if isinstance(self.critic, Critic):
            values, of_values = self.critic.forward(
                tokens, dropout_seed=dropout_seed, recompute=recompute
            )
        else:
            columns, of_values = self.critic.forward(x)  # (B, T, 1)
            values = columns[..., 0]
        return logits, values, ActorCriticSaved(GPTSaved(transformer, lm_head), of_values)

    def evaluate_backward(self, dlogits: Array, dvalues: Array, saved: ActorCriticSaved) -> None:
        """Add the gradients of all parameters, for upstream gradients of logits and values."""
        dx = self.lm_head.backward(dlogits, saved.gpt.lm_head)
        if isinstance(self.critic, Critic):
            assert isinstance(saved.values, CriticSaved)
            self.critic.backward(dvalues, saved.values)
        else:
            assert isinstance(saved.values, HeadSaved)
            dx = dx + self.critic.backward(dvalues[..., None], saved.values)
        self.transformer.backward(dx, saved.gpt.transformer)


def value_head(config: GPTConfig) -> Head:
    """Make a head for values, whose weights are 0 at first."""
    return Head(Parameter((1, config.n_embd), zeros))


def _is_of_critic(name: str) -> bool:
    return name.startswith("critic.")
