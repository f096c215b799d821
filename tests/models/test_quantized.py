"""8-bit weights: the rounding error, and agreement of all ways to compute with them."""

import json

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.errors import UserError
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.generation.token_step import TokenStep
from scratchgpt.models import (
    GPT,
    GPTConfig,
    QuantizedGPT,
    load_pretrained,
    load_quantized,
    save_pretrained,
)
from scratchgpt.models.weight_files import save_weights
from scratchgpt.proofs.forms import FAMILY_FORMS

FORMS = [
    {},
    {"norm_position": "post", "bias": False},
    {"scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False},
    {"tied_head": False, "n_inner": 45, "activation": "relu"},
    {"n_embd": 96, "n_inner": 700, "vocab_size": 130},
    *FAMILY_FORMS.values(),
]


@pytest.fixture(params=FORMS, ids=lambda form: next(iter(form), "gpt2"))
def model(request, rng):
    sizes = {"n_layer": 2, "n_head": 3, "n_embd": 21, "block_size": 12, "vocab_size": 37}
    model = GPT(GPTConfig(**{**sizes, **request.param}))
    for name, parameter in model.store.named.items():
        parameter.value[...] = rng.standard_normal(parameter.shape) * 0.5
        if (".ln_" in name or "_norm" in name) and name.endswith("weight"):
            parameter.value += 1
    return model


def test_no_weight_moves_by_more_than_half_a_step(model):
    quantized = QuantizedGPT(model)
    there = quantized.dequantize().store.named
    for name, parameter in model.store.named.items():
        if name not in quantized.matrices:
            np.testing.assert_array_equal(there[name].value, parameter.value)
            continue
        weight, scale = quantized.matrices[name]
        table = name.endswith(("wte.weight", "wpe.weight", "lm_head.weight"))
        step = scale[:, None] if table else scale  # one per output
        assert (np.abs(there[name].value - parameter.value) <= 0.5001 * step).all()
        assert weight.dtype == np.int8
        # The weights of every output use the whole range.
        np.testing.assert_array_equal(np.abs(weight).max(axis=1), 127)


def test_prompts_and_tokens_are_those_of_the_dequantized_model(model, rng, assert_close):
    quantized, reference = QuantizedGPT(model), QuantizedGPT(model).dequantize()
    counts = np.array([4, 1, 3])
    tokens = rng.integers(0, 37, (3, 4))
    cache, expected_cache = quantized.new_cache(3), reference.new_cache(3)
    with kernels.disabled():
        expected = reference.extend(tokens, expected_cache, counts)
    assert_close(quantized.extend(tokens, cache, counts), expected, 2e-5)
    step = TokenStep(quantized)
    for one in rng.integers(0, 37, (3, 3)):
        with kernels.disabled():
            expected = reference.extend(one[:, None], expected_cache)
        # If the CPU multiplies integers, inputs are rounded to int16.
        assert_close(step(one, cache), expected, 5e-4)


def test_it_comes_back_bit_for_bit(model, tmp_path):
    quantized = QuantizedGPT(model)
    save_pretrained(quantized, tmp_path)
    again = load_quantized(tmp_path)
    assert again.config == model.config
    for name in ("weights", "scales", "floats"):
        np.testing.assert_array_equal(getattr(again, name), getattr(quantized, name))
    assert (tmp_path / "model.safetensors").stat().st_size < 0.5 * 4 * model.store.size


def test_it_is_not_mistaken_for_another_kind_of_model(tmp_path):
    model = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=4, vocab_size=5))
    save_pretrained(QuantizedGPT(model), tmp_path / "small")
    with pytest.raises(UserError, match="is quantized, so it cannot be trained"):
        load_pretrained(tmp_path / "small")
    values = json.loads((tmp_path / "small" / "config.json").read_text())
    assert values["model_type"] == "scratchgpt-int8"
    save_pretrained(model, tmp_path / "whole")
    with pytest.raises(UserError, match="is not quantized; read it with load_pretrained"):
        load_quantized(tmp_path / "whole")
    (tmp_path / "whole" / "config.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"has no array '.*scale'"):
        load_quantized(tmp_path / "whole")


def test_a_matrix_that_is_not_int8_is_refused(tmp_path):
    model = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=4, vocab_size=5))
    quantized = QuantizedGPT(model)
    save_pretrained(quantized, tmp_path)
    name = "transformer.wte.weight"
    arrays = quantized.arrays()
    save_weights(tmp_path, {**arrays, name: arrays[name].astype(np.float32)})
    with pytest.raises(UserError, match=f"{name} is stored as F32; it is read in I8"):
        load_quantized(tmp_path)


def test_it_generates(model):
    quantized = QuantizedGPT(model)
    greedy = SamplingConfig(temperature=0)
    options = {"max_new_tokens": 15, "sampling": greedy}
    actual = generate(quantized, [[1, 2], [3]], **options)
    expected = generate(quantized.dequantize(), [[1, 2], [3]], **options)
    assert [g.tokens.tolist() for g in actual] == [g.tokens.tolist() for g in expected]


def test_a_row_of_zeros_stays_zero(rng):
    model = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=4, vocab_size=5))
    model.transformer.wte.weight.value[3] = 0
    quantized = QuantizedGPT(model)
    np.testing.assert_array_equal(quantized.dequantize().transformer.wte.weight.value[3], 0)


def test_it_takes_a_quarter_of_the_memory():
    model = GPT(GPTConfig(n_layer=2, n_head=4, n_embd=128, block_size=64, vocab_size=65))
    assert QuantizedGPT(model).nbytes < 0.28 * model.store.values.nbytes


def test_weights_that_are_not_finite_are_refused():
    model = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=4, vocab_size=5))
    model.transformer.h[0].mlp.c_fc.weight.value[0, 1] = np.nan
    with pytest.raises(UserError, match=r"transformer.h.0.mlp.c_fc.weight has values"):
        QuantizedGPT(model)


def test_more_tokens_than_positions_are_refused(model):
    with pytest.raises(ValueError, match="13 tokens are more than the model's block_size of 12"):
        QuantizedGPT(model).extend(np.zeros((1, 13), int), model.new_cache(1))
