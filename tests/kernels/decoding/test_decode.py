"""The compiled decoding step, compared with the layers of the model in float64."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.generation import generate
from scratchgpt.generation.token_step import TokenStep
from scratchgpt.models import GPT, GPTConfig, QuantizedGPT

numba = pytest.importorskip("numba")

SIZES = {"n_layer": 3, "n_head": 3, "n_embd": 21, "block_size": 12, "vocab_size": 37}
FORMS = [
    {},
    {"norm_position": "post"},
    {"bias": False},
    {"scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False},
    {"tied_head": False, "n_inner": 45, "activation": "gelu"},
    {"norm_position": "post", "activation": "relu", "bias": False, "layer_norm_epsilon": 0.1},
    {"n_embd": 48, "vocab_size": 65, "n_inner": 50},
]


@pytest.fixture(params=FORMS, ids=lambda form: ", ".join(map(str, form)) or "gpt2")
def model(request, rng):
    """A model with large random parameters."""
    model = GPT(GPTConfig(**{**SIZES, **request.param}))
    for name, parameter in model.store.named.items():
        parameter.value[...] = rng.standard_normal(parameter.shape) * 0.5
        if ".ln_" in name and name.endswith("weight"):
            parameter.value += 1
    return model


def texts(model, rng, n_batch):
    """Return float32 and float64 caches of texts of several lengths, and their next tokens."""
    counts = rng.integers(1, 9, n_batch)
    tokens = rng.integers(0, model.config.vocab_size, (n_batch, counts.max()))
    exact = model.astype(np.float64)
    caches = []
    for one in (model, exact):
        caches.append(one.new_cache(n_batch))
        one.extend(tokens, caches[-1], counts)
    return exact, caches, rng.integers(0, model.config.vocab_size, (3, n_batch))


@pytest.mark.parametrize("n_batch", [1, 3, 32])
def test_logits_are_those_of_the_layers(model, n_batch, rng, assert_close):
    exact, (cache, exact_cache), tokens = texts(model, rng, n_batch)
    step = TokenStep(model)
    for one in tokens:
        actual = step(one, cache)
        assert actual.dtype == np.float32
        assert_close(actual, exact.extend(one[:, None], exact_cache), 2e-5)
    np.testing.assert_array_equal(cache.lengths, exact_cache.lengths)
    assert_close(cache.keys, exact_cache.keys, 1e-5)


@pytest.mark.parametrize("counts", [[1], [6], [2, 5, 0, 1], [3] * 16])
def test_a_prompt_is_absorbed_as_by_the_layers(model, counts, rng, assert_close):
    exact, (cache, exact_cache), _ = texts(model, rng, len(counts))
    for one in (cache, exact_cache):
        one.lengths[:] = np.minimum(one.lengths, 4)  # 4 and 6 and a step are within the block
    tokens = rng.integers(0, model.config.vocab_size, (len(counts), max(counts)))
    step = TokenStep(model)
    step.absorb(tokens, cache, np.array(counts))
    exact.absorb(tokens, exact_cache, np.array(counts))
    np.testing.assert_array_equal(cache.lengths, exact_cache.lengths)
    for b, length in enumerate(cache.lengths):
        for ours, theirs in ((cache.keys, exact_cache.keys), (cache.values, exact_cache.values)):
            assert_close(ours[:, b, :, :length], theirs[:, b, :, :length], 1e-5)
    new = rng.integers(0, model.config.vocab_size, len(counts))
    assert_close(step(new, cache), exact.extend(new[:, None], exact_cache), 2e-5)


def test_a_row_does_not_depend_on_the_others_nor_on_the_threads(
    model, n_threads, rng, assert_close
):
    _, (cache, _), tokens = texts(model, rng, 4)
    alone = cache.rows(np.array([2]))
    results = []
    for n in (1, numba.config.NUMBA_NUM_THREADS):
        n_threads(n)
        results.append(TokenStep(model)(tokens[0], cache.rows(np.arange(4))))
    np.testing.assert_array_equal(*results)
    assert_close(TokenStep(model)(tokens[0, 2:3], alone)[0], results[0][2], 1e-5)


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("n_batch", [1, 7])
@pytest.mark.parametrize("n_members", [1, 2, 5])
def test_threads_that_arrive_late_or_never_change_nothing(
    n_members, n_batch, int8, n_threads, rng, monkeypatch
):
    sizes = {"n_embd": 96, "n_inner": 1500, "block_size": 64, "vocab_size": 700}
    model = GPT(GPTConfig(n_layer=2, n_head=3, **sizes))
    _, (cache, _), tokens = texts(model, rng, n_batch)
    model = QuantizedGPT(model) if int8 else model
    n_threads(1)
    expected = TokenStep(model)(tokens[0], cache.rows(np.arange(n_batch)))
    n_threads(numba.config.NUMBA_NUM_THREADS)
    monkeypatch.setattr("scratchgpt.kernels.decoding.decode.n_threads", lambda: n_members)
    np.testing.assert_array_equal(TokenStep(model)(tokens[0], cache), expected)


def test_the_same_text_with_kernels_and_without(model):
    prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]
    options = {"max_new_tokens": 20, "seed": 3, "num_samples": 2}
    fast = generate(model, prompts, **options)
    with kernels.disabled():
        slow = generate(model, prompts, **options)
    assert [g.tokens.tolist() for g in fast] == [g.tokens.tolist() for g in slow]


def test_a_full_block_is_refused(model):
    cache = model.new_cache(1)
    step = TokenStep(model)
    for _ in range(model.config.block_size):
        step(np.array([1]), cache)
    with pytest.raises(ValueError, match="13 tokens are more than the model's block_size of 12"):
        step(np.array([1]), cache)


@pytest.mark.parametrize("token", [-1, 37])
def test_a_token_outside_the_vocabulary_is_refused(token):
    model = GPT(GPTConfig(**SIZES))
    with pytest.raises(ValueError, match=f"token id {token} at position"):
        TokenStep(model)(np.array([token]), model.new_cache(1))


def test_a_full_cache_is_refused():
    model = GPT(GPTConfig(**SIZES))
    cache = model.new_cache(1, n_positions=2)
    step = TokenStep(model)
    for _ in range(2):
        step(np.array([1]), cache)
    with pytest.raises(ValueError, match="3 tokens are more than the 2 positions of the cache"):
        step(np.array([1]), cache)
