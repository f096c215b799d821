"""The cost of a Transformer, beside what is counted while it runs."""

import numpy as np
import pytest

from scratchgpt.memory import nbytes
from scratchgpt.models import Transformer, TransformerConfig, describe

SIZES = {
    "n_encoder_layer": 2,
    "n_decoder_layer": 3,
    "n_head": 2,
    "n_embd": 8,
    "n_inner": 11,
    "block_size": 5,
    "vocab_size": 13,
}
FORMS = [
    {},
    {"norm_position": "pre", "padding_id": 0},
    {"bias": False, "positions": "learned"},
    {"shared_embeddings": False, "source_vocab_size": 17, "tied_head": False, "padding_id": 1},
    {"n_decoder_layer": 1, "norm_position": "pre", "positions": "learned", "tied_head": False},
]


@pytest.fixture(params=FORMS, ids=lambda form: ", ".join(map(str, form)) or "the paper's")
def config(request):
    return TransformerConfig(**{**SIZES, **request.param})


def run(config, n_batch=2, dtype=np.float32, **settings):
    model = Transformer(config, dtype=dtype)
    src, tgt = np.random.default_rng(0).integers(0, 13, (2, n_batch, config.block_size))
    return model, model.loss(src, tgt, tgt.copy(), **settings)[1]


def test_the_parameters_are_those_of_the_model(config):
    model = Transformer(config)
    description = describe(config)
    assert description.n_parameters == model.store.size
    tables = sum(p.size for name, p in model.store.named.items() if "embedding" in name)
    assert description.n_embedding_parameters == tables
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
    first = saved.model.decoder.stack.h[0]
    _, block_saved = model.decoder.h[0].forward(first.x, *first.others, **first.settings)
    one_block = nbytes(block_saved, exclude=[model.store.values, saved])
    assert model.describe(n_batch=n_batch).recompute_activation_bytes == kept + one_block


def test_the_operations_are_those_of_the_matrix_products(config, flops):
    model, saved = run(config, n_batch=2)
    n_tokens = 2 * config.block_size
    description = describe(config)
    assert description.forward_flops_per_token * n_tokens == sum(flops)
    model.loss_backward(1.0, saved)
    assert description.training_flops_per_token * n_tokens == sum(flops)


def test_the_cache_is_that_of_generation(config):
    model = Transformer(config)
    cache = model.new_cache(model.encode(np.ones((3, config.block_size), int)))
    counted = [cache.keys, cache.values, cache.memory_keys, cache.memory_values]
    assert model.describe(n_batch=3).cache_bytes == sum(array.nbytes for array in counted)
