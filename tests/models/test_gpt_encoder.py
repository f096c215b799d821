"""GPT as an encoder: pooling, padding, its gradient, and its files."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError
from scratchgpt.memory import nbytes
from scratchgpt.models import (
    GPT,
    GPTConfig,
    GPTEncoder,
    GPTEncoderConfig,
    describe,
    load_pretrained,
)
from scratchgpt.verify import check_layer

SIZES = {"n_layer": 2, "n_head": 3, "n_embd": 12, "block_size": 7, "vocab_size": 13}
TOKENS = np.random.default_rng(0).integers(0, 13, (3, 6))
LENGTHS = np.array([6, 2, 4])

each_pooling = pytest.mark.parametrize("pooling", ["last", "mean"])
each_norm = pytest.mark.parametrize("norm_position", ["pre", "post"])


def encoder(dtype=np.float64, **changes):
    """An encoder with parameters of ordinary size."""
    model = GPTEncoder(GPTEncoderConfig(**{**SIZES, **changes}), seed=None, dtype=dtype)
    for name, value in model.arrays().items():
        value[...] = 0.5 * random_stream(4, name).standard_normal(value.shape)
    return model


@each_norm
@each_pooling
def test_the_vector_is_pooled_from_the_states_of_the_text_alone(
    pooling, norm_position, assert_close
):
    model = encoder(pooling=pooling, norm_position=norm_position)
    vectors, _ = model.forward(TOKENS, LENGTHS)
    assert vectors.shape == (3, 12)
    for tokens, n, vector in zip(TOKENS, LENGTHS, vectors, strict=True):
        states = model.transformer.forward(tokens[None, :n])[0][0]
        expected = states[-1] if pooling == "last" else states.mean(axis=0)
        assert_close(vector, expected, 1e-13)
    other = np.where(np.arange(6) < LENGTHS[:, None], TOKENS, 5)
    np.testing.assert_array_equal(model.forward(other, LENGTHS)[0], vectors)


@pytest.mark.reference
@each_norm
@each_pooling
def test_the_gradient_is_the_derivative(pooling, norm_position):
    model = encoder(n_layer=1, pooling=pooling, norm_position=norm_position, dropout=0.2)
    for method in ("complex", "adjoint"):
        report = check_layer(
            model,
            TOKENS,
            LENGTHS,
            settings={"dropout_seed": 3},
            method=method,
            **({"max_elements": 5} if method == "complex" else {}),
        )
        report.raise_if_failed()


@each_pooling
def test_recomputation_and_kernels_change_nothing(pooling, assert_close):
    model = encoder(pooling=pooling, dropout=0.3)
    dvectors = np.random.default_rng(1).standard_normal((3, 12))
    results = []
    for settings in ({}, {"recompute": True}):
        model.store.zero_grad()
        vectors, saved = model.forward(TOKENS, LENGTHS, dropout_seed=5, **settings)
        model.backward(dvectors, saved)
        results.append((vectors, model.store.grads.copy()))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    single = encoder(np.float32, pooling=pooling)
    with kernels.disabled():
        expected = single.forward(TOKENS, LENGTHS)[0]
    assert_close(single.forward(TOKENS, LENGTHS)[0], expected, 1e-5)


def test_a_new_encoder_has_a_scale_of_20_that_the_vectors_do_not_depend_on(assert_close):
    model = GPTEncoder(GPTEncoderConfig(**SIZES))
    assert model.scale == pytest.approx(20)
    before = model.forward(TOKENS, LENGTHS)[0]
    model.log_scale.value[...] = 1.0
    assert model.scale == pytest.approx(np.e)
    np.testing.assert_array_equal(model.forward(TOKENS, LENGTHS)[0], before)


@pytest.mark.parametrize("changes", [{}, {"tied_head": False, "bias": False}])
def test_an_encoder_starts_from_the_body_of_a_gpt(changes):
    gpt = GPT(GPTConfig(**SIZES, **changes), seed=8)
    gpt.special_ids = gpt.special_ids.with_end(4)
    model = GPTEncoder.from_gpt(gpt, pooling="last", dims=(8, 4))
    assert model.config.pooling == "last"
    assert model.config.dims == (8, 4)
    assert model.special_ids == gpt.special_ids
    assert model.scale == pytest.approx(20)
    states, _ = gpt.transformer.forward(TOKENS)
    expected = states[np.arange(3), LENGTHS - 1]
    np.testing.assert_array_equal(model.forward(TOKENS, LENGTHS)[0], expected)
    model.store.values[...] = 0
    assert (gpt.store.values != 0).any()


def test_wrong_texts_are_refused():
    model = encoder()
    with pytest.raises(ValueError, match=r"lengths are 0 to 6; use 1 to 6"):
        model.forward(TOKENS, np.array([6, 0, 2]))
    with pytest.raises(ValueError, match=r"lengths are 1 to 7"):
        model.forward(TOKENS, np.array([6, 7, 1]))
    with pytest.raises(ValueError, match="8 tokens"):
        model.forward(np.zeros((1, 8), np.int64), np.array([8]))
    with pytest.raises(TypeError, match="lengths must be an integer array"):
        model.forward(TOKENS, LENGTHS.astype(float))
    with pytest.raises(ValueError, match="outside the vocabulary"):
        model.forward(TOKENS + 5, LENGTHS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pooling": "max"}, "pooling='max' is not one of last, mean"),
        ({"dims": (12,)}, r"dims=\(12,\) must be numbers of channels from large to small"),
        ({"dims": (4, 8)}, "from large to small"),
        ({"dims": (4, 4)}, "from large to small"),
        ({"dims": (0,)}, "from large to small"),
        ({"dims": 4}, "dims=4 must be"),
        ({"dims": (2.5,)}, "must be"),
    ],
)
def test_wrong_configurations_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        GPTEncoderConfig(**SIZES, **changes)


def test_a_configuration_from_json_equals_the_one_that_was_written():
    config = GPTEncoderConfig(**SIZES, dims=[8, 4])
    assert config.dims == (8, 4)
    assert config == GPTEncoderConfig(**SIZES, dims=(8, 4))
    assert hash(config) == hash(GPTEncoderConfig(**SIZES, dims=(8, 4)))


def test_an_encoder_has_the_sizes_of_a_preset_of_gpt():
    config = GPTEncoderConfig.from_preset("char", vocab_size=70, pooling="last")
    gpt = GPTConfig.from_preset("char")
    assert (config.n_layer, config.n_embd, config.block_size) == (
        gpt.n_layer,
        gpt.n_embd,
        gpt.block_size,
    )
    assert config.pooling == "last"
    with pytest.raises(UserError, match="transformer-tiny"):
        GPTEncoderConfig.from_preset("transformer-tiny")


def test_a_saved_encoder_is_the_same_and_is_loaded_by_its_kind(tmp_path):
    model = encoder(np.float32, pooling="last", dims=(8,), dropout=0.1)
    model.save_pretrained(tmp_path)
    loaded = load_pretrained(tmp_path)
    assert isinstance(loaded, GPTEncoder)
    assert loaded.config == model.config
    np.testing.assert_array_equal(loaded.store.values, model.store.values)
    assert load_pretrained(tmp_path, dropout=0.5).config.dropout == 0.5
    with pytest.raises(UserError, match="is not a GPT; read it with load_pretrained"):
        GPT.from_pretrained(tmp_path)


@pytest.mark.parametrize("form", [{}, {"bias": False, "norm_position": "post"}])
def test_the_description_counts_what_a_model_has(form):
    config = GPTEncoderConfig(**{**SIZES, "n_embd": 24}, **form)
    model = GPTEncoder(config)
    description = describe(config, n_batch=3)
    assert description.n_parameters == model.store.size
    assert description.parameter_bytes == 4 * model.store.size
    tokens = np.zeros((3, 7), np.int64)
    with kernels.disabled():
        _, saved = model.forward(tokens, np.full(3, 7), dropout_seed=1)
    measured = nbytes(saved, exclude=model.store.values)
    assert description.activation_bytes == pytest.approx(measured, rel=0.1)
