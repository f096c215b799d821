"""Published model sizes: for each, the kind of model and the fields that differ from defaults."""

from typing import Any, NamedTuple

from scratchgpt.errors import UserError, did_you_mean

GPT_KIND = "GPT"
TRANSFORMER_KIND = "encoder-decoder Transformer"

# The form of Llama. Its norms have no bias, and neither have its linear maps.
_LLAMA: dict[str, Any] = {
    **{"norm": "rms", "positions": "rotary", "gated_mlp": True, "activation": "silu"},
    "bias": False,
}


class Preset(NamedTuple):
    """A named size of a model."""

    kind: str  # the ``kind`` of its configuration class
    fields: dict[str, Any]


ALL_PRESETS: dict[str, Preset] = {
    # Radford et al. 2018, "Improving language understanding by generative pre-training".
    "openai-gpt": Preset(
        GPT_KIND,
        {
            "n_layer": 12,
            "n_head": 12,
            "n_embd": 768,
            "block_size": 512,
            "vocab_size": 40478,
            "norm_position": "post",
        },
    ),
    # Radford et al. 2019, "Language models are unsupervised multitask learners", table 2.
    "gpt2": Preset(GPT_KIND, {"n_layer": 12, "n_head": 12, "n_embd": 768}),
    "gpt2-medium": Preset(GPT_KIND, {"n_layer": 24, "n_head": 16, "n_embd": 1024}),
    "gpt2-large": Preset(GPT_KIND, {"n_layer": 36, "n_head": 20, "n_embd": 1280}),
    "gpt2-xl": Preset(GPT_KIND, {"n_layer": 48, "n_head": 25, "n_embd": 1600}),
    # Rae et al. 2021, arXiv:2112.11446, table 1: depth and widths of the smallest model.
    "gopher-44m": Preset(GPT_KIND, {"n_layer": 8, "n_head": 16, "n_embd": 512}),
    # minGPT's sizes for a laptop.
    "gpt-mini": Preset(GPT_KIND, {"n_layer": 6, "n_head": 6, "n_embd": 192, "block_size": 128}),
    "gpt-micro": Preset(GPT_KIND, {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 128}),
    "gpt-nano": Preset(GPT_KIND, {"n_layer": 3, "n_head": 3, "n_embd": 48, "block_size": 128}),
    # An encoder of short texts and functions that two CPU cores train in minutes.
    "search": Preset(
        GPT_KIND, {"n_layer": 2, "n_head": 4, "n_embd": 128, "block_size": 128, "bias": False}
    ),
    # nanoGPT's recipe for character-level training on a CPU.
    "char": Preset(
        GPT_KIND, {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 64, "bias": False}
    ),
    # The same in the form of Llama, with as many weights in its feed-forward layers.
    "llama-char": Preset(
        GPT_KIND,
        {
            **_LLAMA,
            **{"n_layer": 4, "n_head": 4, "n_kv_head": 2, "n_embd": 128, "n_inner": 344},
            "block_size": 64,
        },
    ),
    # The smallest published models of the families, as their configurations have them.
    "smollm2-135m": Preset(
        GPT_KIND,
        {
            **_LLAMA,
            **{"n_layer": 30, "n_head": 9, "n_kv_head": 3, "n_embd": 576, "n_inner": 1536},
            **{"block_size": 8192, "vocab_size": 49152, "rope_theta": 100_000.0},
        },
    ),
    "tinyllama-1.1b": Preset(
        GPT_KIND,
        {
            **_LLAMA,
            **{"n_layer": 22, "n_head": 32, "n_kv_head": 4, "n_embd": 2048, "n_inner": 5632},
            **{"block_size": 2048, "vocab_size": 32000, "tied_head": False},
        },
    ),
    "qwen2.5-0.5b": Preset(
        GPT_KIND,
        {
            **_LLAMA,
            **{"n_layer": 24, "n_head": 14, "n_kv_head": 2, "n_embd": 896, "n_inner": 4864},
            **{"block_size": 32768, "vocab_size": 151_936, "rope_theta": 1_000_000.0},
            **{"qkv_bias": True, "layer_norm_epsilon": 1e-6},
        },
    ),
    "qwen3-0.6b": Preset(
        GPT_KIND,
        {
            **_LLAMA,
            **{"n_layer": 28, "n_head": 16, "n_kv_head": 8, "n_embd": 1024, "n_inner": 3072},
            **{"block_size": 40960, "vocab_size": 151_936, "rope_theta": 1_000_000.0},
            **{"head_dim": 128, "qk_norm": "before_rotary", "layer_norm_epsilon": 1e-6},
        },
    ),
    "mistral-7b": Preset(
        GPT_KIND,
        {
            **_LLAMA,
            **{"n_layer": 32, "n_head": 32, "n_kv_head": 8, "n_embd": 4096, "n_inner": 14336},
            **{"block_size": 32768, "vocab_size": 32000, "sliding_window": 4096},
            "tied_head": False,
        },
    ),
    "nanochat-d20": Preset(
        GPT_KIND,
        {
            **{"norm": "rms", "norm_weight": False, "bias": False, "embedding_norm": True},
            **{"positions": "rotary", "rope_reversed": True, "qk_norm": "after_rotary"},
            **{"activation": "relu_squared", "logit_soft_cap": 15.0, "tied_head": False},
            **{"n_layer": 20, "n_head": 10, "n_embd": 1280, "layer_norm_epsilon": 1e-6},
            **{"block_size": 2048, "vocab_size": 65536},
        },
    ),
    # Vaswani et al. 2017, "Attention is all you need", table 3: base and big.
    "transformer-base": Preset(TRANSFORMER_KIND, {}),
    "transformer-big": Preset(TRANSFORMER_KIND, {"n_head": 16, "n_embd": 1024, "dropout": 0.3}),
    # For two CPU cores: short sentences, and dates at the character level.
    "transformer-small": Preset(
        TRANSFORMER_KIND,
        {
            "n_encoder_layer": 3,
            "n_decoder_layer": 3,
            "n_head": 4,
            "n_embd": 256,
            "block_size": 128,
            "vocab_size": 8000,
            "dropout": 0.3,
            "norm_position": "pre",
        },
    ),
    "transformer-tiny": Preset(
        TRANSFORMER_KIND,
        {
            "n_encoder_layer": 2,
            "n_decoder_layer": 2,
            "n_head": 4,
            "n_embd": 64,
            "block_size": 64,
            "vocab_size": 256,
            "norm_position": "pre",
        },
    ),
}

PRESETS = {name: preset.fields for name, preset in ALL_PRESETS.items() if preset.kind == GPT_KIND}
TRANSFORMER_PRESETS = {
    name: preset.fields for name, preset in ALL_PRESETS.items() if preset.kind == TRANSFORMER_KIND
}


def find_preset(name: str, kind: str | None = None) -> Preset:
    """Look up a preset, of any kind of model or only of ``kind``.

    Raises
    ------
    UserError
        If there is no such preset, or it is of another kind; the message suggests names.
    """
    known = {other: preset for other, preset in ALL_PRESETS.items() if kind in (None, preset.kind)}
    if name in known:
        return known[name]
    if name in ALL_PRESETS:
        raise UserError(
            f"the preset {name!r} is not of kind {kind}; choose one of {', '.join(known)}"
        )
    suggestion = did_you_mean(name, known) or f"; choose one of {', '.join(known)}"
    raise UserError(f"unknown preset {name!r}{suggestion}")
