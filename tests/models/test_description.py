"""The cost of every model, compared with counts while it runs."""

import numpy as np
import pytest

from scratchgpt.memory import nbytes
from scratchgpt.models import (
    GPT,
    GPTConfig,
    QuantizedGPT,
    Transformer,
    TransformerConfig,
    describe,
    kind_of,
)
from scratchgpt.models.families import FAMILIES, form_of

SIZES = {"n_layer": 3, "n_head": 2, "n_embd": 8, "block_size": 5, "vocab_size": 13}
OF_HEADS = {"n_head": 4, "n_kv_head": 2, "head_dim": 6, "n_inner": 11}
OF_FAMILIES = [{**form_of(name), **OF_HEADS} for name in FAMILIES]
FORMS = [
    *OF_FAMILIES,
    {**OF_HEADS, "norm": "rms", "attention_soft_cap": 3.0, "norm_position": "post", "bias": False},
    {**OF_HEADS, "qk_norm": "before_rotary", "qkv_bias": False, "gated_mlp": True},
    {},
    {"norm_position": "post"},
    {"bias": False},
    {"tied_head": False, "n_inner": 11},
    {"n_layer": 1, "norm_position": "post", "tied_head": False, "bias": False},
]
TRANSFORMER_SIZES = {
    "n_encoder_layer": 2,
    "n_decoder_layer": 3,
    "n_head": 2,
    "n_embd": 8,
    "n_inner": 11,
    "block_size": 5,
    "vocab_size": 13,
}
TRANSFORMER_FORMS = [
    {},
    {"norm_position": "pre", "padding_id": 0},
    {"bias": False, "positions": "learned"},
    {"shared_embeddings": False, "source_vocab_size": 17, "tied_head": False, "padding_id": 1},
    {"n_decoder_layer": 1, "norm_position": "pre", "positions": "learned", "tied_head": False},
]
CONFIGS = {
    **{f"GPT {form}": GPTConfig(**{**SIZES, **form}) for form in FORMS},
    **{
        f"Transformer {form}": TransformerConfig(**{**TRANSFORMER_SIZES, **form})
        for form in TRANSFORMER_FORMS
    },
}


@pytest.fixture(params=CONFIGS.values(), ids=CONFIGS)
def config(request):
    return request.param


def build(config, dtype=np.float32):
    return (GPT if isinstance(config, GPTConfig) else Transformer)(config, dtype=dtype)


def run(config, n_batch=2, dtype=np.float32, **settings):
    model = build(config, dtype)
    shape = (1 if isinstance(model, GPT) else 2, n_batch, config.block_size)
    texts = np.random.default_rng(0).integers(0, config.vocab_size, shape)
    return model, model.loss(*texts, texts[-1].copy(), **settings)[1]


def without_logits(saved):
    """What the loss saves without the logits, of which training computes a piece at a time."""
    return saved.model._replace(lm_head=saved.model.lm_head.linear.x)


def test_the_parameters_are_those_of_the_model(config):
    model = build(config)
    description = describe(config)
    assert description.n_parameters == model.store.size
    tables = ("wte.weight", "wpe.weight")
    n_in_tables = sum(p.size for name, p in model.store.named.items() if name.endswith(tables))
    assert description.n_embedding_parameters == n_in_tables
    assert description.parameter_bytes == 4 * model.store.size
    assert description.optimizer_bytes == 12 * model.store.size


@pytest.mark.parametrize("n_batch", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_activations_are_what_the_forward_saves(config, n_batch, dtype):
    model, saved = run(config, n_batch, dtype)
    counted = nbytes(without_logits(saved), exclude=[model.store.values])
    assert model.describe(n_batch=n_batch).activation_bytes == counted


@pytest.mark.parametrize("n_batch", [1, 3])
def test_with_recomputation_they_are_all_inputs_and_one_block(config, n_batch):
    model, saved = run(config, n_batch, recompute=True)
    kept = nbytes(without_logits(saved), exclude=[model.store.values])
    if isinstance(model, GPT):
        block, first = model.transformer.h[0], saved.model.transformer.stack.h[0]
    else:
        block, first = model.decoder.h[0], saved.model.decoder.stack.h[0]
    _, block_saved = block.forward(first.x, *first.others, **first.settings)
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
    model = build(config)
    if isinstance(model, GPT):
        cache = model.new_cache(3)
        counted = [cache.keys, cache.values]
    else:
        cache = model.new_cache(model.encode(np.ones((3, config.block_size), int)))
        counted = [cache.keys, cache.values, cache.memory_keys, cache.memory_values]
    assert model.describe(n_batch=3).cache_bytes == sum(array.nbytes for array in counted)


def test_totals():
    description = describe(GPTConfig(**SIZES), n_batch=2, itemsize=8)
    assert description.training_bytes == (
        4 * description.parameter_bytes + description.activation_bytes
    )
    assert description.inference_bytes == description.parameter_bytes + description.cache_bytes
    assert description.parameter_bytes == 8 * description.n_parameters


def test_gpt2_takes_a_quarter_of_a_gigaflop_a_token():
    """It is 2 N operations per token for the matrices, plus attention over a full block."""
    description = describe(GPTConfig.from_preset("gpt2"))
    matrices = description.n_parameters - 1024 * 768 - 121_344  # minus positions, biases, norms
    attention = 12 * 4 * 1024 * 768
    assert description.forward_flops_per_token == 2 * matrices + attention


@pytest.mark.parametrize("form", FORMS)
def test_a_quantized_model_is_described_with_its_own_bytes_and_no_training(form):
    config = GPTConfig(**{**SIZES, **form})
    small = QuantizedGPT(GPT(config))
    description = kind_of(small).count_cost(config, 2, 4)
    assert description.parameter_bytes == small.nbytes
    assert description.n_parameters == GPT(config).store.size
    cache = small.new_cache(2)
    assert description.cache_bytes == cache.keys.nbytes + cache.values.nbytes
    of_training = ("optimizer_bytes", "activation_bytes", "training_flops_per_token")
    assert {getattr(description, name) for name in of_training} == {0}
