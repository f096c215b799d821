"""The configuration of a GPT: a frozen dataclass that refuses what makes no sense."""

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.layers.activation import ACTIVATIONS
from scratchgpt.models.presets import PRESETS


@dataclass(frozen=True)
class GPTConfig:
    """Sizes and form of a GPT. The defaults are GPT-2 (124M).

    Parameters
    ----------
    n_layer, n_head, n_embd : int
        Blocks, heads a block, channels; n_head divides n_embd.
    block_size : int
        The longest context, in tokens.
    vocab_size : int
    dropout : float
        In training, on the embeddings, the attention weights and the residual branches.
    bias : bool
        Whether linear layers and layer norms have one.
    norm_position : {"pre", "post"}
        GPT-2's blocks or GPT-1's; with "pre" a last layer norm follows the blocks.
    activation : {"gelu_tanh", "gelu", "relu"}
    tied_head : bool
        Whether the output head is the token embedding.
    n_inner : int, optional
        Width of the feed-forward layer; None stands for 4 n_embd.
    layer_norm_epsilon : float

    Raises
    ------
    UserError
        If a value is out of range; says which.
    """

    n_layer: int = 12
    n_head: int = 12
    n_embd: int = 768
    block_size: int = 1024
    vocab_size: int = 50257
    dropout: float = 0.0
    bias: bool = True
    norm_position: str = "pre"
    activation: str = "gelu_tanh"
    tied_head: bool = True
    n_inner: int | None = None
    layer_norm_epsilon: float = 1e-5

    def __post_init__(self) -> None:
        for name in ("n_layer", "n_head", "n_embd", "block_size", "vocab_size", "n_inner"):
            value = getattr(self, name)
            if value is None and name == "n_inner":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UserError(f"{name}={value!r} must be a positive whole number")
        for name in ("bias", "tied_head"):
            if not isinstance(getattr(self, name), bool):
                raise UserError(f"{name}={getattr(self, name)!r} must be true or false")
        if self.n_embd % self.n_head:
            raise UserError(
                f"n_embd={self.n_embd} is not divisible by n_head={self.n_head}; "
                f"choose a multiple of {self.n_head}"
            )
        if not (isinstance(self.dropout, int | float) and 0 <= self.dropout < 1):
            raise UserError(f"dropout={self.dropout!r} must be at least 0 and less than 1")
        epsilon = self.layer_norm_epsilon
        if not (isinstance(epsilon, int | float) and 0 < epsilon < math.inf):
            raise UserError(f"layer_norm_epsilon={epsilon!r} must be positive and finite")
        for name, choices in (("norm_position", ("pre", "post")), ("activation", ACTIVATIONS)):
            value = getattr(self, name)
            if str(value) not in choices:
                raise UserError(
                    f"{name}={value!r} is not one of {', '.join(choices)}"
                    f"{did_you_mean(str(value), choices)}"
                )

    @classmethod
    def from_preset(cls, name: str, **changes: Any) -> "GPTConfig":
        """A published size, with some fields changed: ``from_preset("gpt2", dropout=0.1)``.

        Raises
        ------
        UserError
            If there is no such preset or field; suggests the nearest.
        """
        if name not in PRESETS:
            suggestion = did_you_mean(name, PRESETS) or f"; choose one of {', '.join(PRESETS)}"
            raise UserError(f"unknown preset {name!r}{suggestion}")
        return cls.from_dict({**PRESETS[name], **changes})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "GPTConfig":
        """A configuration from named values; an unknown name is refused."""
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise UserError(f"unknown model setting {name!r}{did_you_mean(name, names)}")
        return cls(**values)

    def replace(self, **changes: Any) -> "GPTConfig":
        """The same with some fields changed."""
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def head_size(self) -> int:
        """Channels of one attention head, D."""
        return self.n_embd // self.n_head

    @property
    def inner_size(self) -> int:
        """Width of the feed-forward layer, F."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner
