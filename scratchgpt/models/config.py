"""The configuration of a GPT: its sizes and its form, from GPT-1 to today's."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

from scratchgpt.arguments import plain, real_number
from scratchgpt.errors import UserError
from scratchgpt.layers.mlp import ACTIVATIONS
from scratchgpt.models.model_config import ModelConfig
from scratchgpt.models.presets import GPT_KIND
from scratchgpt.models.rope_scaling import plain_rope_scaling
from scratchgpt.ops.gated_product import GATES
from scratchgpt.ops.rotary import PAIRINGS

NORM_POSITIONS = ("pre", "post")
NORMS = ("layer", "rms")
POSITIONS = ("learned", "rotary")
QK_NORMS = ("none", "before_rotary", "after_rotary")
OWN_BIASES = ("qkv_bias", "proj_bias", "mlp_bias")


@dataclass(frozen=True)
class GPTConfig(ModelConfig):
    """Sizes and form of a GPT. The defaults are GPT-2 (124M).

    Parameters
    ----------
    n_layer : int
        Number of blocks of a GPT.
    n_head : int
        Attention heads per block; must divide n_embd, unless head_dim is given.
    n_embd : int
        Number of channels: the width of embeddings and blocks.
    block_size : int
        Longest context, in tokens.
    vocab_size : int
    dropout : float
        Dropout probability in training. It applies to embeddings, attention weights and residual
        branches.
    bias : bool
        Whether linear layers and layer norms have a bias. An RMS norm never has one.
    norm_position : {"pre", "post"}
        Position of the layer norms: pre (before the sublayers, as in GPT-2) or post (after them, as
        in GPT-1 and the 2017 Transformer). With "pre" a last layer norm follows the blocks.
    activation : {"gelu_tanh", "gelu", "relu", "relu_squared", "silu"}
        Activation of the feed-forward layers: gelu_tanh, gelu, relu, relu_squared or silu.
    tied_head : bool
        Whether the output head shares the token embedding.
    n_inner : int, optional
        Width of the feed-forward layers; by default 4 n_embd.
    layer_norm_epsilon : float
        Added to the variance or the mean square in every norm.
    scale_attn_weights : bool
        Whether attention scores are divided by the square root of the head size.
    scale_attn_by_inverse_layer_idx : bool
        Whether the scores of layer i, counted from 0, are also divided by i + 1.
    norm : {"layer", "rms"}
        Kind of the norms: layer norm or RMS norm.
    norm_weight : bool
        Whether RMS norms have a weight.
    embedding_norm : bool
        Whether a norm follows the token embedding.
    positions : {"learned", "rotary"}
        How the model knows positions: learned (a table), or rotary (rotation of queries and keys).
    rope_theta : float
        Base of the rotary frequencies.
    rope_scaling : dict, optional
        Scaling of the rotary frequencies, with the fields of Hugging Face's ``rope_parameters``:
        ``rope_type`` is "linear", "llama3" or "yarn".
    rope_pairing : {"halves", "neighbors"}
        Which channels are rotated together; see :func:`scratchgpt.ops.rotary_forward`.
    rope_reversed : bool
        Whether the rotary angles are negative, as in nanochat.
    n_kv_head : int, optional
        Heads of keys and values, a divisor of n_head; by default n_head.
    head_dim : int, optional
        Channels of one head; by default n_embd / n_head.
    qk_norm : {"none", "before_rotary", "after_rotary"}
        RMS norm of the queries and keys of each head: none, before_rotary or after_rotary.
    sliding_window : int, optional
        Number of positions that attention sees, itself included; by default all.
    window_layers : sequence of bool, optional
        Which layers have the sliding window; by default all.
    attention_soft_cap, logit_soft_cap : float, optional
        Limit of the attention scores and of the logits; see
        :func:`scratchgpt.ops.soft_cap_forward`.
    gated_mlp : bool
        Whether the feed-forward layers multiply by an activated gate.
    qkv_bias, proj_bias, mlp_bias : bool, optional
        Whether there are biases in the maps to queries, keys and values; in the output projection
        of attention; in the feed-forward layers. By default as ``bias``.

    Raises
    ------
    UserError
        If a value is out of range, or has no effect because of another one.
    """

    kind = preset_kind = GPT_KIND
    task = "continues texts"
    verb = "generate"

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
    norm: str = "layer"
    norm_weight: bool = True
    embedding_norm: bool = False
    positions: str = "learned"
    rope_theta: float = 10000.0
    rope_scaling: dict[str, Any] | None = field(default=None, hash=False)
    rope_pairing: str = "halves"
    rope_reversed: bool = False
    n_kv_head: int | None = None
    head_dim: int | None = None
    qk_norm: str = "none"
    sliding_window: int | None = None
    window_layers: tuple[bool, ...] | None = None
    attention_soft_cap: float | None = None
    logit_soft_cap: float | None = None
    gated_mlp: bool = False
    qkv_bias: bool | None = None
    proj_bias: bool | None = None
    mlp_bias: bool | None = None

    def __post_init__(self) -> None:
        gated = self.gated_mlp is True
        if gated and self.activation in ACTIVATIONS and self.activation not in GATES:
            raise UserError(
                f"activation={self.activation!r} does not fit gated_mlp=True; choose one of "
                f"{', '.join(GATES)}, or leave out gated_mlp"
            )
        sizes = ("n_layer", "n_head", "n_embd", "block_size", "vocab_size", "n_inner")
        self._check(
            sizes=(*sizes, "n_kv_head", "head_dim", "sliding_window"),
            switches=(
                "bias",
                "tied_head",
                "scale_attn_weights",
                "scale_attn_by_inverse_layer_idx",
                "norm_weight",
                "embedding_norm",
                "rope_reversed",
                "gated_mlp",
                *(name for name in OWN_BIASES if getattr(self, name) is not None),
            ),
            choices={
                "norm_position": NORM_POSITIONS,
                "activation": GATES if gated else ACTIVATIONS,
                "norm": NORMS,
                "positions": POSITIONS,
                "rope_pairing": PAIRINGS,
                "qk_norm": QK_NORMS,
            },
        )
        self._check_heads()
        self._check_limits()
        object.__setattr__(self, "rope_scaling", plain_rope_scaling(self.rope_scaling))
        for name, reason in self._unused().items():
            if getattr(self, name) != DEFAULTS[name]:
                raise UserError(
                    f"{name}={getattr(self, name)!r} has no effect with {reason}; leave it at "
                    f"{DEFAULTS[name]!r}"
                )

    def _unused(self) -> dict[str, str]:
        """Return the settings that have no effect, with the reason of each."""
        unused = {}
        if self.norm == "layer" and self.qk_norm == "none":
            unused["norm_weight"] = "norm='layer' and qk_norm='none'"
        if self.positions == "learned":
            rope = [name for name in DEFAULTS if name.startswith("rope_")]
            unused |= dict.fromkeys(rope, "positions='learned'")
        if self.sliding_window is None:
            unused["window_layers"] = "sliding_window=None"
        return unused

    def _check_heads(self) -> None:
        if self.n_head % self.kv_heads:
            raise UserError(
                f"n_kv_head={self.n_kv_head} does not divide n_head={self.n_head}: each key-value "
                "head serves equally many query heads"
            )
        if self.positions == "rotary" and self.head_size % 2:
            raise UserError(
                f"rotary positions rotate pairs of channels, but a head has {self.head_size}; "
                "choose an even head_dim"
            )
        if self.window_layers is not None:
            given = self.window_layers
            layers = tuple(map(plain, given)) if isinstance(given, list | tuple) else ()
            if len(layers) != self.n_layer or not all(isinstance(x, bool) for x in layers):
                raise UserError(
                    f"window_layers={self.window_layers!r} must have true or false for each of "
                    f"the {self.n_layer} layers"
                )
            object.__setattr__(self, "window_layers", layers)

    def _check_limits(self) -> None:
        theta = real_number(self.rope_theta)
        if theta is None or not 1 < theta < math.inf:
            raise UserError(f"rope_theta={self.rope_theta!r} must be more than 1 and finite")
        for name in ("attention_soft_cap", "logit_soft_cap"):
            value = getattr(self, name)
            number = real_number(value)
            if value is not None and (number is None or not 0 < number < math.inf):
                raise UserError(f"{name}={value!r} must be a positive and finite number")

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values, K."""
        return self.n_head if self.n_kv_head is None else self.n_kv_head

    @property
    def head_size(self) -> int:
        """Channels of one attention head, D."""
        return self.n_embd // self.n_head if self.head_dim is None else self.head_dim

    def has_bias(self, part: str) -> bool:
        """Whether the maps of a part, "qkv", "proj" or "mlp", have a bias."""
        own: bool | None = getattr(self, f"{part}_bias")
        return self.bias if own is None else own

    def window(self, layer: int) -> int | None:
        """Return the number of positions that a layer attends to; None means all."""
        sees_all = self.window_layers is not None and not self.window_layers[layer]
        return None if sees_all else self.sliding_window

    def attention_scale(self, layer: int) -> float:
        """Return the factor that multiplies the attention scores of a layer."""
        scale = 1 / math.sqrt(self.head_size) if self.scale_attn_weights else 1.0
        return scale / (layer + 1) if self.scale_attn_by_inverse_layer_idx else scale

    def fits_vocabulary(self, n_tokens: int) -> bool:
        """Whether the model fits ``n_tokens`` tokens, padding allowed."""
        return fits_vocabulary(n_tokens, self.vocab_size)

    def stored_fields(self) -> dict[str, Any]:
        """Return the fields for a file; later ones only if they are set, for earlier versions."""
        values = self.as_dict()
        return {k: v for k, v in values.items() if k not in LATER_FIELDS or v != LATER_FIELDS[k]}

    def effective(self) -> dict[str, Any]:
        """Return the settings of the form of GPT: two configurations with equal ones compute equal.

        None is replaced by what it means.
        """
        values = {name: getattr(self, name) for name in DEFAULTS}
        values |= {
            **{"n_inner": self.inner_size, "n_kv_head": self.kv_heads, "head_dim": self.head_size},
            **{name: self.has_bias(name.removesuffix("_bias")) for name in OWN_BIASES},
        }
        windows = [self.window(i) for i in range(self.n_layer)]
        values["sliding_window"] = next((n for n in windows if n is not None), None)
        values["window_layers"] = None if len(set(windows)) == 1 else tuple(map(bool, windows))
        if self.norm == "rms":
            values["bias"] = False  # the norms have none, and each map has its own
        return values


DEFAULTS: dict[str, Any] = {one.name: one.default for one in fields(GPTConfig)}
_FIRST_LATER = list(DEFAULTS).index("norm")  # fields from here on are missing in older files
LATER_FIELDS = dict(list(DEFAULTS.items())[_FIRST_LATER:])


def fits_vocabulary(n_tokens: int, n_rows: int) -> bool:
    """Whether an embedding table of ``n_rows`` rows fits a tokenizer of ``n_tokens`` tokens.

    Many programs pad the tables to a multiple of 8, 64 or 128, which is faster on a GPU: nanoGPT
    has 50,304 rows for GPT-2's 50,257 tokens. The padding rows have no token and are never sampled.
    """
    return n_rows >= n_tokens
