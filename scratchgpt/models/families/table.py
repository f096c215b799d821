"""The families: one row each, with the defaults of transformers."""

from typing import Any, NamedTuple

from scratchgpt.models.config import OWN_BIASES
from scratchgpt.models.families import names
from scratchgpt.models.families.fields import (
    Activation,
    DividingHeads,
    Dropouts,
    Effective,
    Field,
    Rope,
    Same,
    Window,
    WindowLayers,
    Written,
)
from scratchgpt.models.families.names import Names


class Family(NamedTuple):
    """A ``model_type`` of transformers."""

    architectures: tuple[str, str]  # with a language-model head, and without; others have extras
    names: Names
    settings: dict[str, Any]  # the settings of a GPTConfig that all its models have
    fields: tuple[Field, ...]  # of config.json, in the order in which they are written

    @property
    def defaults(self) -> dict[str, Any]:
        """The fields of ``config.json``, with the values of those that are missing."""
        return {name: value for one in self.fields for name, value in one.defaults.items()}


# Names of activations, theirs -> ours; writing uses the first.
_GELU_TANH = dict.fromkeys(
    ("gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"), "gelu_tanh"
)
_OF_GATES = {
    **_GELU_TANH,
    **{"gelu": "gelu", "gelu_python": "gelu", "relu": "relu", "silu": "silu", "swish": "silu"},
}
_ACTIVATIONS = {**_OF_GATES, "relu2": "relu_squared"}

_GPT_SIZES = (
    Same("n_layer", "n_layer", 12),
    Same("n_head", "n_head", 12),
    Same("n_embd", "n_embd", 768),
)
_GPT_REST = (
    Same("layer_norm_epsilon", "layer_norm_epsilon", 1e-5),
    Dropouts(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.1),
    Same("tie_word_embeddings", "tied_head", True),
    Written(("bos_token_id", "eos_token_id")),
)
# Other names of fields that transformers reads, in the families that do not have these names.
ALIASES = {
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
}
_ROTARY = {"norm": "rms", "bias": False, "positions": "rotary"}
_GATED = {**_ROTARY, "gated_mlp": True}


def _rotary_sizes(
    *,
    block_size: int,
    vocab_size: int = 32000,
    n_layer: int = 32,
    n_head: int = 32,
    n_kv_head: int | None = None,
    n_embd: int = 4096,
    n_inner: int,
    head_dim: int | None = None,
    heads: type[Same] = Same,
) -> tuple[Field, ...]:
    """Return the fields of the sizes, which differ only in their defaults."""
    return (
        Same("num_hidden_layers", "n_layer", n_layer),
        heads("num_attention_heads", "n_head", n_head),
        Effective("num_key_value_heads", "n_kv_head", n_kv_head),
        Same("hidden_size", "n_embd", n_embd),
        Effective("head_dim", "head_dim", head_dim),
        Effective("intermediate_size", "n_inner", n_inner),
        Same("max_position_embeddings", "block_size", block_size),
        Same("vocab_size", "vocab_size", vocab_size),
    )


_ROTARY_REST = (
    Same("rms_norm_eps", "layer_norm_epsilon", 1e-6),
    Rope(),
    Dropouts(("attention_dropout",), 0.0, ours_only=("embd_pdrop", "resid_pdrop")),
    Same("tie_word_embeddings", "tied_head", False),
    Written(("bos_token_id", "eos_token_id", "pad_token_id")),
)
_GATED_REST = (Activation("hidden_act", "silu", _OF_GATES), *_ROTARY_REST)
_ATTENTION_BIAS = Effective("attention_bias", "qkv_bias", False, also=("proj_bias",))

FAMILIES = {
    "gpt2": Family(
        ("GPT2LMHeadModel", "GPT2Model"),
        names.GPT2,
        {"norm_position": "pre", "bias": True},
        (
            *_GPT_SIZES,
            Same("n_positions", "block_size", 1024),
            Same("vocab_size", "vocab_size", 50257),
            Activation("activation_function", "gelu_new", _ACTIVATIONS),
            *_GPT_REST,
            Same("n_inner", "n_inner", None),
            Same("scale_attn_weights", "scale_attn_weights", True),
            Same("scale_attn_by_inverse_layer_idx", "scale_attn_by_inverse_layer_idx", False),
        ),
    ),
    "openai-gpt": Family(
        ("OpenAIGPTLMHeadModel", "OpenAIGPTModel"),
        names.GPT1,
        {"norm_position": "post", "bias": True},
        (
            *_GPT_SIZES,
            Same("n_positions", "block_size", 512),
            Same("vocab_size", "vocab_size", 40478),
            # Its gelu is the tanh approximation.
            Activation("afn", "gelu", {"gelu": "gelu_tanh", "relu": "relu"}),
            *_GPT_REST,
        ),
    ),
    "llama": Family(
        ("LlamaForCausalLM", "LlamaModel"),
        names.LLAMA,
        _GATED,
        (
            *_rotary_sizes(n_inner=11008, block_size=2048, heads=DividingHeads),
            _ATTENTION_BIAS,
            Effective("mlp_bias", "mlp_bias", False),
            *_GATED_REST,
        ),
    ),
    "qwen2": Family(
        ("Qwen2ForCausalLM", "Qwen2Model"),
        names.LLAMA,
        {**_GATED, **dict.fromkeys(OWN_BIASES, False), "qkv_bias": True},
        (
            *_rotary_sizes(vocab_size=151936, n_kv_head=32, n_inner=22016, block_size=32768),
            WindowLayers(),
            *_GATED_REST,
        ),
    ),
    "qwen3": Family(
        ("Qwen3ForCausalLM", "Qwen3Model"),
        names.LLAMA,
        {**_GATED, "mlp_bias": False, "qk_norm": "before_rotary"},
        (
            *_rotary_sizes(
                vocab_size=151936, n_kv_head=32, head_dim=128, n_inner=22016, block_size=32768
            ),
            _ATTENTION_BIAS,
            WindowLayers(),
            *_GATED_REST,
        ),
    ),
    "nanochat": Family(
        ("NanoChatForCausalLM", "NanoChatModel"),
        names.NANOCHAT,
        {
            **_ROTARY,
            **{"norm_weight": False, "embedding_norm": True, "mlp_bias": False},
            **{"rope_reversed": True, "qk_norm": "after_rotary"},
        },
        (
            *_rotary_sizes(
                vocab_size=50304,
                n_layer=12,
                n_head=6,
                n_embd=768,
                n_inner=8192,
                block_size=2048,
            ),
            _ATTENTION_BIAS,
            Same("final_logit_softcapping", "logit_soft_cap", 15.0),
            Activation("hidden_act", "relu2", _ACTIVATIONS),
            *_ROTARY_REST,
        ),
    ),
    "mistral": Family(
        ("MistralForCausalLM", "MistralModel"),
        names.LLAMA,
        {**_GATED, **dict.fromkeys(OWN_BIASES, False)},
        (
            *_rotary_sizes(n_kv_head=8, n_inner=14336, block_size=131072),
            Window(),
            *_GATED_REST,
        ),
    ),
}
