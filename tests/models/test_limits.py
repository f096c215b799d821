"""Configurations that ask for more than their files hold cost neither time nor memory."""

import json
import tracemalloc

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import (
    GPT,
    GPTConfig,
    QuantizedGPT,
    Transformer,
    TransformerConfig,
    kinds,
    limits,
    llmc,
    load_pretrained,
    load_quantized,
    save_pretrained,
    state_dicts,
)
from scratchgpt.models.limits import MOST_LAYERS, check_layers
from scratchgpt.models.tensor_file import save_tensors

SIZES = {"n_layer": 1, "n_head": 1, "n_embd": 4, "block_size": 5, "vocab_size": 7}
LARGE = 20_000_000
MODELS = {
    "gpt": lambda: GPT(GPTConfig(**SIZES)),
    "quantized": lambda: QuantizedGPT(GPT(GPTConfig(**SIZES))),
    "transformer": lambda: Transformer(
        TransformerConfig(
            n_encoder_layer=1, n_decoder_layer=1, n_head=1, n_embd=4, block_size=5, vocab_size=7
        )
    ),
}


def refused(load, path, *parts):
    """The error of a reader, which must allocate little."""
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as caught:
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30e6
    message = str(caught.value)
    assert "\n" not in message
    for part in (path.name, *parts):
        assert part in message


@pytest.mark.parametrize("name", MODELS)
def test_a_configuration_larger_than_the_weights_is_refused_at_once(name, tmp_path):
    save_pretrained(MODELS[name](), tmp_path)
    load = load_quantized if name == "quantized" else load_pretrained
    values = json.loads((tmp_path / "config.json").read_text())
    sizes = {k for k, v in values.items() if k.startswith("n_") and type(v) is int}
    for size in sorted((sizes | {"vocab_size"}) - {"n_head", "n_positions"}):
        changed = {**values, size: LARGE}
        (tmp_path / "config.json").write_text(json.dumps(changed))
        refused(load, tmp_path, "layer" if size.endswith("layer") else "asks for")


def test_positions_without_parameters_cost_nothing(tmp_path):
    save_pretrained(MODELS["transformer"](), tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**values, "block_size": 2**31 - 1}))
    tracemalloc.start()
    model = load_pretrained(tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 30e6
    tracemalloc.stop()
    assert model.encode(np.array([[1, 2, 3]]))[0].shape == (3, 4)


def test_a_size_beyond_a_machine_word_is_refused(tmp_path):
    save_pretrained(MODELS["gpt"](), tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    for size in (2**31, 10**30):
        (tmp_path / "config.json").write_text(json.dumps({**values, "n_embd": size}))
        refused(load_pretrained, tmp_path, f"n_embd={size} must be a positive whole number")


@pytest.mark.parametrize("source", ["nanogpt", "mingpt"])
def test_a_state_dictionary_whose_first_array_is_wide_is_refused(source, tmp_path):
    """The width of a model is that of its embedding, and its matrices have the square of it."""
    width = 2**21
    arrays = {
        "transformer.wte.weight": np.zeros((1, width), np.float16),
        "transformer.wpe.weight": np.zeros((1, 1), np.float16),
        "transformer.h.0.mlp.c_fc.weight": np.zeros((1, 1), np.float16),
        "transformer.h.0.ln_1.weight": np.zeros(1, np.float16),
    }
    save_tensors(tmp_path / "a.safetensors", arrays)
    refused(
        lambda path: state_dicts.read_state_dict(path, source, n_head=1),
        tmp_path / "a.safetensors",
        "asks for",
    )


def test_a_model_of_many_tiny_layers_is_refused(tmp_path, monkeypatch):
    """In a file of llm.c a layer takes a hundred bytes, and creating it a millisecond."""
    llmc.write_llmc(GPT(GPTConfig(**SIZES)), tmp_path / "a.bin")
    monkeypatch.setattr(limits, "MOST_LAYERS", 0)
    refused(llmc.read_llmc, tmp_path / "a.bin", "n_layer=1 is more than the 0 layers")


def test_the_number_of_layers_has_a_limit(tmp_path):
    check_layers(GPTConfig(n_layer=MOST_LAYERS), tmp_path)
    for config in (GPTConfig(n_layer=MOST_LAYERS + 1), TransformerConfig(n_decoder_layer=10**6)):
        with pytest.raises(UserError, match=r"_layer=10+1? is more than the 10,000 layers"):
            check_layers(config, tmp_path)


def test_the_cost_of_any_configuration_is_computed_without_memory():
    config = GPTConfig(**{**SIZES, "n_layer": 2**31 - 1, "n_embd": 2**31 - 1})
    tracemalloc.start()
    for kind in kinds.KINDS:
        if kind.config is GPTConfig:
            assert kind.count_cost(config, 1, 4).n_parameters > 2**90
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()
