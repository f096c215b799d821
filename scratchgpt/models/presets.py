"""Published sizes, as data: name -> the fields that differ from a configuration's defaults."""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    # Radford et al. 2018, "Improving language understanding by generative pre-training".
    "openai-gpt": {
        "n_layer": 12,
        "n_head": 12,
        "n_embd": 768,
        "block_size": 512,
        "vocab_size": 40478,
        "norm_position": "post",
    },
    # Radford et al. 2019, "Language models are unsupervised multitask learners", table 2.
    "gpt2": {"n_layer": 12, "n_head": 12, "n_embd": 768},
    "gpt2-medium": {"n_layer": 24, "n_head": 16, "n_embd": 1024},
    "gpt2-large": {"n_layer": 36, "n_head": 20, "n_embd": 1280},
    "gpt2-xl": {"n_layer": 48, "n_head": 25, "n_embd": 1600},
    # Rae et al. 2021, arXiv:2112.11446, table 1: the depth and widths of its smallest model.
    "gopher-44m": {"n_layer": 8, "n_head": 16, "n_embd": 512},
    # minGPT's sizes for a laptop.
    "gpt-mini": {"n_layer": 6, "n_head": 6, "n_embd": 192, "block_size": 128},
    "gpt-micro": {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 128},
    "gpt-nano": {"n_layer": 3, "n_head": 3, "n_embd": 48, "block_size": 128},
    # nanoGPT's recipe for characters on a CPU.
    "char": {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 64, "bias": False},
}

TRANSFORMER_PRESETS: dict[str, dict[str, Any]] = {
    # Vaswani et al. 2017, "Attention is all you need", table 3: base and big.
    "transformer-base": {},
    "transformer-big": {"n_head": 16, "n_embd": 1024, "dropout": 0.3},
    # For two cores: short sentences, and dates letter by letter.
    "transformer-small": {
        "n_encoder_layer": 3,
        "n_decoder_layer": 3,
        "n_head": 4,
        "n_embd": 256,
        "block_size": 128,
        "vocab_size": 8000,
        "dropout": 0.3,
        "norm_position": "pre",
    },
    "transformer-tiny": {
        "n_encoder_layer": 2,
        "n_decoder_layer": 2,
        "n_head": 4,
        "n_embd": 64,
        "block_size": 64,
        "vocab_size": 256,
        "norm_position": "pre",
    },
}
