"""The configurations of the models: frozen dataclasses that refuse what makes no sense."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.layers.activation import ACTIVATIONS
from scratchgpt.models.presets import PRESETS, TRANSFORMER_PRESETS

NORM_POSITIONS = ("pre", "post")


class ModelConfig:
    """What the configurations have in common."""

    n_head: int
    n_embd: int
    n_inner: int | None
    dropout: float
    layer_norm_epsilon: float

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """A configuration from named values; an unknown name is refused."""
        names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
        for name in values:
            if name not in names:
                raise UserError(f"unknown model setting {name!r}{did_you_mean(name, names)}")
        return cls(**values)

    def replace(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return replace(self, **changes)  # type: ignore[type-var]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload]

    @property
    def head_size(self) -> int:
        """Channels of one attention head, D."""
        return self.n_embd // self.n_head

    @property
    def inner_size(self) -> int:
        """Width of the feed-forward layer, F."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    def _check(
        self,
        *,
        sizes: Iterable[str],
        switches: Iterable[str],
        choices: dict[str, Iterable[str]],
    ) -> None:
        """Refuse values that are out of range, in one line each."""
        for name in sizes:
            value = getattr(self, name)
            if value is None and name in ("n_inner", "source_vocab_size"):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UserError(f"{name}={value!r} must be a positive whole number")
        for name in switches:
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
        for name, known in choices.items():
            value = str(getattr(self, name))
            if value not in known:
                raise UserError(
                    f"{name}={getattr(self, name)!r} is not one of {', '.join(known)}"
                    f"{did_you_mean(value, known)}"
                )


@dataclass(frozen=True)
class GPTConfig(ModelConfig):
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
    scale_attn_weights : bool
        Whether attention scores are divided by the root of the head size.
    scale_attn_by_inverse_layer_idx : bool
        Whether those of layer i, counted from 0, are divided by i + 1 too.

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
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False

    def __post_init__(self) -> None:
        self._check(
            sizes=("n_layer", "n_head", "n_embd", "block_size", "vocab_size", "n_inner"),
            switches=(
                "bias",
                "tied_head",
                "scale_attn_weights",
                "scale_attn_by_inverse_layer_idx",
            ),
            choices={"norm_position": NORM_POSITIONS, "activation": ACTIVATIONS},
        )

    def attention_scale(self, layer: int) -> float:
        """What the attention scores of a layer are multiplied by."""
        scale = 1 / math.sqrt(self.head_size) if self.scale_attn_weights else 1.0
        return scale / (layer + 1) if self.scale_attn_by_inverse_layer_idx else scale

    @classmethod
    def from_preset(cls, name: str, **changes: Any) -> "GPTConfig":
        """A published size, with some fields changed: ``from_preset("gpt2", dropout=0.1)``.

        Raises
        ------
        UserError
            If there is no such preset or field; suggests the nearest.
        """
        return cls.from_dict({**find_preset(name, PRESETS, "GPT"), **changes})


def find_preset(name: str, presets: dict[str, dict[str, Any]], kind: str) -> dict[str, Any]:
    """The fields of a preset; says so where it is one of another kind of model."""
    if name in presets:
        return presets[name]
    if name in (PRESETS | TRANSFORMER_PRESETS):
        raise UserError(f"the preset {name!r} is no {kind}; choose one of {', '.join(presets)}")
    suggestion = did_you_mean(name, presets) or f"; choose one of {', '.join(presets)}"
    raise UserError(f"unknown preset {name!r}{suggestion}")
