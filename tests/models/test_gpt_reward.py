"""GPT as a reward model: its score, padding, gradient and files."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream
from scratchgpt.memory import nbytes
from scratchgpt.models import (
    GPT,
    GPTConfig,
    GPTReward,
    GPTRewardConfig,
    describe,
    load_pretrained,
)
from scratchgpt.verify import check_layer

SIZES = {"n_layer": 2, "n_head": 3, "n_embd": 12, "block_size": 7, "vocab_size": 13}
TOKENS = np.random.default_rng(0).integers(0, 13, (3, 6))
LENGTHS = np.array([6, 2, 4])


def reward_model(dtype=np.float64, **changes):
    """A reward model with parameters of ordinary size."""
    model = GPTReward(GPTRewardConfig(**{**SIZES, **changes}), seed=None, dtype=dtype)
    for name, value in model.arrays().items():
        value[...] = 0.5 * random_stream(4, name).standard_normal(value.shape)
    return model


def test_the_score_is_that_of_the_last_token_whatever_the_padding(assert_close):
    model = reward_model()
    scores, _ = model.forward(TOKENS, LENGTHS)
    assert scores.shape == (3,)
    for tokens, n, score in zip(TOKENS, LENGTHS, scores, strict=True):
        states = model.transformer.forward(tokens[None, :n])[0][0]
        assert_close(score, states[-1] @ model.score.weight.value[0], 1e-13)
    other = np.where(np.arange(6) < LENGTHS[:, None], TOKENS, 5)
    np.testing.assert_array_equal(model.forward(other, LENGTHS)[0], scores)


@pytest.mark.reference
def test_the_gradient_is_the_derivative():
    model = reward_model(n_layer=1, dropout=0.2)
    for method in ("complex", "adjoint"):
        options = {"max_elements": 5} if method == "complex" else {}
        settings = {"dropout_seed": 3}
        report = check_layer(model, TOKENS, LENGTHS, settings=settings, method=method, **options)
        report.raise_if_failed()


def test_it_has_the_weights_of_a_gpt_and_a_random_score():
    gpt = GPT(GPTConfig(**SIZES), seed=3)
    model = GPTReward.from_gpt(gpt, seed=1)
    for name, value in model.arrays().items():
        if name != "score.weight":
            np.testing.assert_array_equal(value, gpt.arrays()[name])
    assert 0.15 < model.score.weight.value.std() < 0.45  # about 1 / sqrt(13)
    shorter = model.with_config(model.config.replace(block_size=3))
    np.testing.assert_array_equal(
        shorter.transformer.wpe.weight.value, model.transformer.wpe.weight.value[:3]
    )


def test_a_saved_model_is_the_same(tmp_path):
    model = reward_model(np.float32)
    model.save_pretrained(tmp_path)
    loaded = load_pretrained(tmp_path)
    assert isinstance(loaded, GPTReward)
    assert loaded.config == model.config
    np.testing.assert_array_equal(
        loaded.forward(TOKENS, LENGTHS)[0], model.forward(TOKENS, LENGTHS)[0]
    )


def test_the_description_counts_the_parameters_and_the_saved_bytes():
    config = GPTRewardConfig(**{**SIZES, "n_embd": 48, "dropout": 0.1})
    model = GPTReward(config)
    described = describe(config, n_batch=3)
    assert described.n_parameters == model.store.size
    assert described.parameter_bytes == 4 * model.store.size
    with kernels.disabled():
        _, saved = model.forward(np.zeros((3, 7), np.int64), np.full(3, 7), dropout_seed=1)
    measured = nbytes(saved, exclude=model.store.values)
    assert described.activation_bytes == pytest.approx(measured, rel=0.1)
