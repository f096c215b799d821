"""Features of all models: see :class:`scratchgpt.models.Model`."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.layers import parameters
from scratchgpt.models import GPT, GPTConfig, QuantizedGPT, Transformer, TransformerConfig

GPT_CONFIG = GPTConfig(n_layer=2, n_head=3, n_embd=6, block_size=5, vocab_size=7)
TRANSFORMER_CONFIG = TransformerConfig(
    n_encoder_layer=1, n_decoder_layer=2, n_head=2, n_embd=6, block_size=9, vocab_size=11
)
each_model = pytest.mark.parametrize(
    ("model_class", "config"),
    [(GPT, GPT_CONFIG), (Transformer, TRANSFORMER_CONFIG)],
    ids=["GPT", "Transformer"],
)


@each_model
def test_a_model_is_saved_and_loaded_by_its_class(model_class, config, tmp_path):
    model = model_class(config, seed=4)
    model.save_pretrained(tmp_path)
    again = model_class.from_pretrained(tmp_path, dtype=np.float64, dropout=0.3)
    assert type(again) is model_class
    assert again.config == config.replace(dropout=0.3)
    assert again.dtype == np.float64
    np.testing.assert_array_equal(again.store.values, model.astype(np.float64).store.values)


def test_a_class_loads_its_own_models_only(tmp_path):
    GPT(GPT_CONFIG).save_pretrained(tmp_path / "gpt")
    Transformer(TRANSFORMER_CONFIG).save_pretrained(tmp_path / "transformer")
    with pytest.raises(UserError, match="is not a Transformer; read it with load_pretrained"):
        Transformer.from_pretrained(tmp_path / "gpt")
    with pytest.raises(UserError, match="is not a GPT; read it with load_pretrained"):
        GPT.from_pretrained(tmp_path / "transformer")


def test_a_subclass_is_saved_and_loaded_like_the_class_that_it_inherits_from(tmp_path):
    class MyGPT(GPT):
        pass

    model = MyGPT(GPT_CONFIG, seed=4)
    model.save_pretrained(tmp_path)
    again = MyGPT.from_pretrained(tmp_path)
    assert type(again) is MyGPT
    np.testing.assert_array_equal(again.store.values, model.store.values)
    assert type(model.astype(np.float64)) is MyGPT


@each_model
def test_a_copy_in_another_dtype_draws_no_random_values(model_class, config, monkeypatch):
    model = model_class(config, seed=4)

    def refuse(*args):
        raise AssertionError("initial values are sampled and discarded")

    monkeypatch.setattr(parameters, "random_stream", refuse)
    double = model.astype(np.float64)
    assert type(double) is model_class
    assert double.dtype == np.float64
    assert double.config == config
    for name, value in model.arrays().items():
        np.testing.assert_array_equal(double.arrays()[name], value)


@each_model
def test_a_blank_model_is_all_zeros(model_class, config):
    assert not model_class.blank(config, np.float64).store.values.any()


@each_model
def test_arrays_are_the_parameters_themselves(model_class, config):
    model = model_class(config)
    assert list(model.arrays()) == list(model.store.named)
    model.store.values[...] = 3
    assert all((array == 3).all() for array in model.arrays().values())


@pytest.mark.parametrize("form", [{}, {"tied_head": False}, {"bias": False}])
def test_each_parameter_begins_where_flat_parameters_says(form):
    model = GPT(GPT_CONFIG.replace(**form), seed=4)
    small = QuantizedGPT(model)
    flat, small_flat = model.flat_parameters(), small.flat_parameters()
    assert set(flat.begin) == set(small_flat.begin) == set(model.store.named)
    assert set(small_flat.scale_begin) == set(small.matrices)
    assert not flat.scale_begin
    for name, value in model.arrays().items():
        begin = flat.begin[name]
        np.testing.assert_array_equal(flat.weights[begin : begin + value.size], value.ravel())
        assert flat.floats is flat.weights
    for name, (weight, scale) in small.matrices.items():
        begin, scale_begin = small_flat.begin[name], small_flat.scale_begin[name]
        stored = small_flat.weights[begin : begin + weight.size]
        np.testing.assert_array_equal(stored, weight.ravel())
        scales = small_flat.scales[scale_begin : scale_begin + scale.size]
        np.testing.assert_array_equal(scales, scale)
    for name, vector in small.vectors.items():
        begin = small_flat.begin[name]
        np.testing.assert_array_equal(small_flat.floats[begin : begin + vector.size], vector)


@pytest.mark.parametrize("config", [GPT_CONFIG, TRANSFORMER_CONFIG])
def test_a_text_longer_than_the_context_is_refused(config):
    config.check_length(config.block_size)
    n = config.block_size + 1
    with pytest.raises(ValueError, match=f"^{n} tokens are more than the model's block_size of"):
        config.check_length(n)


def test_only_a_gpt_may_have_padding_rows_in_its_vocabulary():
    gpt, transformer = GPTConfig(vocab_size=64), TransformerConfig(vocab_size=64)
    assert [n for n in range(1, 65) if gpt.fits_vocabulary(n)] == list(range(1, 65))
    assert [n for n in range(1, 65) if transformer.fits_vocabulary(n)] == [64]
    assert not gpt.fits_vocabulary(65)


def test_a_configuration_counts_its_layers():
    assert GPT_CONFIG.layer_counts == {"n_layer": 2}
    assert TRANSFORMER_CONFIG.layer_counts == {"n_encoder_layer": 1, "n_decoder_layer": 2}
