"""The cost of a model, beside what is counted while it runs."""

import numpy as np
import pytest

from scratchgpt.memory import nbytes
from scratchgpt.models import GPT, GPTConfig, describe

SIZES = {"n_layer": 3, "n_head": 2, "n_embd": 8, "block_size": 5, "vocab_size": 13}
FORMS = [
    {},
    {"norm_position": "post"},
    {"bias": False},
    {"tied_head": False, "n_inner": 11},
    {"n_layer": 1, "norm_position": "post", "tied_head": False, "bias": False},
]


@pytest.fixture(params=FORMS, ids=lambda form: ", ".join(map(str, form)) or "gpt2")
def config(request):
    return GPTConfig(**{**SIZES, **request.param})


def run(config, n_batch=2, dtype=np.float32, **settings):
    model = GPT(config, dtype=dtype)
    tokens = np.random.default_rng(0).integers(0, config.vocab_size, (n_batch, config.block_size))
    return model, model.loss(tokens, tokens.copy(), **settings)[1]


def test_the_parameters_are_those_of_the_model(config):
    model = GPT(config)
    description = describe(config)
    assert description.n_parameters == model.store.size
    table = model.transformer.wte.weight.size + model.transformer.wpe.weight.size
    assert description.n_embedding_parameters == table
    assert description.parameter_bytes == 4 * model.store.size
    assert description.optimizer_bytes == 12 * model.store.size


@pytest.mark.parametrize("n_batch", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_activations_are_what_the_forward_saves(config, n_batch, dtype):
    model, saved = run(config, n_batch, dtype)
    counted = nbytes(saved, exclude=[model.store.values])
    assert model.describe(n_batch=n_batch).activation_bytes == counted


@pytest.mark.parametrize("n_batch", [1, 3])
def test_with_recomputation_they_are_all_inputs_and_one_block(config, n_batch):
    model, saved = run(config, n_batch, recompute=True)
    kept = nbytes(saved, exclude=[model.store.values])
    block = model.transformer.h[0]
    _, block_saved = block.forward(saved.model.transformer.stack.h[0].x)
    one_block = nbytes(block_saved, exclude=[model.store.values, saved])
    assert model.describe(n_batch=n_batch).recompute_activation_bytes == kept + one_block


def test_the_operations_are_those_of_the_matrix_products(config, flops):
    model, saved = run(config, n_batch=2)
    n_tokens = 2 * config.block_size
    forward = sum(flops)
    description = describe(config)
    assert description.forward_flops_per_token * n_tokens == forward
    model.loss_backward(1.0, saved)
    assert description.training_flops_per_token * n_tokens == sum(flops)


def test_the_cache_is_that_of_generation(config):
    model = GPT(config)
    cache = model.new_cache(3)
    assert model.describe(n_batch=3).cache_bytes == cache.keys.nbytes + cache.values.nbytes


def test_totals():
    description = describe(GPTConfig(**SIZES), n_batch=2, itemsize=8)
    assert description.training_bytes == (
        4 * description.parameter_bytes + description.activation_bytes
    )
    assert description.inference_bytes == description.parameter_bytes + description.cache_bytes
    assert description.parameter_bytes == 8 * description.n_parameters


def test_gpt2_takes_a_quarter_of_a_gigaflop_a_token():
    """2 N operations a token for the matrices, and attention over a full block on top."""
    description = describe(GPTConfig.from_preset("gpt2"))
    matrices = description.n_parameters - 1024 * 768 - 121_344  # less positions, biases, norms
    attention = 12 * 4 * 1024 * 768
    assert description.forward_flops_per_token == 2 * matrices + attention
