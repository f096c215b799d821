"""The compiled decoding step for every form of GPT, compared with the layers in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt import kernels
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.generation.token_step import MOST_ROWS, TokenStep
from scratchgpt.models import GPT, GPTConfig, QuantizedGPT

numba = pytest.importorskip("numba")

SIZES = {"n_layer": 3, "n_head": 6, "n_kv_head": 2, "head_dim": 8, "n_embd": 21, "n_inner": 34}
SIZES |= {"block_size": 13, "vocab_size": 37}
RMS = {"norm": "rms", "bias": False}
LLAMA = {**RMS, "positions": "rotary", "gated_mlp": True, "activation": "silu"}
LLAMA_3 = {"rope_type": "llama3", "factor": 4.0, "original_max_position_embeddings": 40}
LLAMA_3 |= {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
YARN = {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 5}
FORMS = {
    "llama": LLAMA,
    "llama 3": {**LLAMA, "rope_theta": 500.0, "rope_scaling": LLAMA_3},
    "qwen 2": {**LLAMA, "qkv_bias": True, "tied_head": False},
    "qwen 3": {**LLAMA, "qk_norm": "before_rotary", "head_dim": 10},
    "mistral": {**LLAMA, "sliding_window": 4, "rope_scaling": YARN},
    "nanochat": {
        **RMS,
        "positions": "rotary",
        "norm_weight": False,
        "embedding_norm": True,
        "qk_norm": "after_rotary",
        "rope_reversed": True,
        "activation": "relu_squared",
        "logit_soft_cap": 3.0,
        "tied_head": False,
    },
    "gemma 2": {
        **LLAMA,
        "activation": "gelu_tanh",
        "attention_soft_cap": 1.3,
        "logit_soft_cap": 2.0,
        "sliding_window": 3,
        "window_layers": (True, False, True),
    },
    "one key-value head": {"n_kv_head": 1, "activation": "silu", "mlp_bias": False},
    "post": {**RMS, "norm_position": "post", "gated_mlp": True, "activation": "gelu"},
    "neighbors": {"positions": "rotary", "rope_pairing": "neighbors", "proj_bias": False},
    "norms": {"embedding_norm": True, "qk_norm": "before_rotary", "head_dim": 5},
}
EVERY_FORM = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def model_of(form, rng, int8=False):
    """Return a model with large random parameters, and in float64 the model that it computes."""
    model = GPT(GPTConfig(**{**SIZES, **form}))
    for parameter in model.store.named.values():
        parameter.value[...] = rng.standard_normal(parameter.shape) * 0.5
        if parameter.value.ndim == 1:
            parameter.value += 1
    if not int8:
        return model, model.astype(np.float64)
    quantized = QuantizedGPT(model)
    return quantized, quantized.dequantize().astype(np.float64)


def check(form, rng, assert_close, *, int8, n_batch=3, more=1):
    """Compare a prompt and some steps of texts of different lengths."""
    # If the CPU multiplies integers, inputs of int8 weights are rounded to int16.
    tolerance = more * (3e-3 if int8 else 3e-5)
    model, exact = model_of(form, rng, int8)
    counts = rng.integers(0, 9, n_batch)
    counts[0] = 8
    tokens = rng.integers(0, model.config.vocab_size, (n_batch, 8))
    cache, exact_cache = model.new_cache(n_batch), exact.new_cache(n_batch)
    step = TokenStep(model)
    step.absorb(tokens, cache, counts)
    exact.absorb(tokens, exact_cache, counts)
    for one in rng.integers(0, model.config.vocab_size, (4, n_batch)):
        actual = step(one, cache)
        assert_close(actual, exact.extend(one[:, None], exact_cache), tolerance)
    for b, n in enumerate(cache.lengths):
        for ours, theirs in ((cache.keys, exact_cache.keys), (cache.values, exact_cache.values)):
            assert_close(ours[:, b, :, :n], theirs[:, b, :, :n], tolerance)


@EVERY_FORM
@pytest.mark.parametrize("int8", [False, True])
def test_logits_keys_and_values_are_those_of_the_layers(form, int8, rng, assert_close):
    check(form, rng, assert_close, int8=int8)


@EVERY_FORM
@pytest.mark.parametrize("int8", [False, True])
def test_tokens_after_long_prompts_are_those_of_the_layers(form, int8, rng, assert_close):
    model, exact = model_of(form, rng, int8)
    counts = np.array([7] * 7 + [1, 5])
    assert counts.sum() > MOST_ROWS
    tokens = rng.integers(0, 37, (len(counts), 7))
    cache, exact_cache = model.new_cache(len(counts)), exact.new_cache(len(counts))
    step = TokenStep(model)
    step.absorb(tokens, cache, counts)
    exact.absorb(tokens, exact_cache, counts)
    actual = step(tokens[:, 0], cache)
    assert_close(actual, exact.extend(tokens[:, :1], exact_cache), 3e-3 if int8 else 3e-5)


def unless_none(strategy):
    return st.none() | strategy


@st.composite
def settings(draw):
    """Draw any form. Its settings are independent, apart from those without effect."""
    n_kv_head, gated = draw(st.sampled_from([1, 2, 3, 5])), draw(st.booleans())
    activations = ["gelu_tanh", "gelu", "relu", "silu"] + ["relu_squared"] * (not gated)
    flags = ("bias", "tied_head", "scale_attn_weights", "norm_weight", "embedding_norm")
    flags += ("rope_reversed", "scale_attn_by_inverse_layer_idx")
    caps = unless_none(st.sampled_from([0.7, 4.0]))
    form = {
        **{name: draw(st.booleans()) for name in flags},
        "n_kv_head": n_kv_head,
        "n_head": n_kv_head * draw(st.integers(1, 3)),
        "head_dim": draw(st.sampled_from([2, 6, 20])),
        "gated_mlp": gated,
        "activation": draw(st.sampled_from(activations)),
        "norm": draw(st.sampled_from(["layer", "rms"])),
        "norm_position": draw(st.sampled_from(["pre", "post"])),
        "positions": draw(st.sampled_from(["learned", "rotary"])),
        "rope_pairing": draw(st.sampled_from(["halves", "neighbors"])),
        "qk_norm": draw(st.sampled_from(["none", "before_rotary", "after_rotary"])),
        "sliding_window": draw(unless_none(st.integers(1, 14))),
        "window_layers": draw(unless_none(st.tuples(*[st.booleans()] * 3))),
        "attention_soft_cap": draw(caps),
        "logit_soft_cap": draw(caps),
        **{f"{part}_bias": draw(unless_none(st.booleans())) for part in ("qkv", "proj", "mlp")},
    }
    unused = []
    if form["norm"] == "layer" and form["qk_norm"] == "none":
        unused.append("norm_weight")
    if form["positions"] == "learned":
        unused += ["rope_pairing", "rope_reversed"]
    if form["sliding_window"] is None:
        unused.append("window_layers")
    return {name: value for name, value in form.items() if name not in unused}


@given(form=settings(), seed=st.integers(0, 100), int8=st.booleans())
def test_settings_can_be_combined(form, seed, int8, assert_close):
    # Some forms multiply rounding errors, for instance by scores without a scale.
    check(form, np.random.default_rng(seed), assert_close, int8=int8, n_batch=2, more=10)


@EVERY_FORM
def test_fifty_greedy_tokens_are_those_of_the_layers(form, rng):
    model, exact = model_of({**form, "block_size": 60}, rng)
    prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11, 12]]
    options = {"max_new_tokens": 50, "sampling": SamplingConfig(temperature=0)}
    fast = generate(model, prompts, **options)
    with kernels.disabled():
        slow = generate(exact, prompts, **options)
    assert [g.tokens.tolist() for g in fast] == [g.tokens.tolist() for g in slow]


@EVERY_FORM
@pytest.mark.parametrize("int8", [False, True])
def test_any_number_of_threads_gives_the_same_bits(form, int8, n_threads, rng, monkeypatch):
    wide = {"n_embd": 120, "n_inner": 1500, "vocab_size": 900, "block_size": 400, "head_dim": 40}
    model, _ = model_of({**form, **wide}, rng, int8)
    cache = model.new_cache(2)
    cache.keys[...], cache.values[...] = rng.standard_normal((2, *cache.keys.shape))
    cache.lengths[:] = 390, 300  # attention is divided into pieces
    results = []
    for n in (1, 2, 5):
        n_threads(min(n, numba.config.NUMBA_NUM_THREADS))
        monkeypatch.setattr("scratchgpt.kernels.decoding.decode.n_threads", lambda n=n: n)
        results.append(TokenStep(model)(np.array([1, 2]), cache.rows(np.arange(2))).copy())
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_keys_outside_the_window_are_not_read(rng):
    model, _ = model_of(FORMS["gemma 2"], rng)
    cache = model.new_cache(1)
    step = TokenStep(model)
    step.absorb(rng.integers(0, 37, (1, 9)), cache, np.array([9]))
    expected = step(np.array([5]), cache.rows(np.array([0]))).copy()
    for layer, has_window in enumerate(model.config.window_layers):
        if has_window:  # position 9 sees positions 7 to 9
            cache.keys[layer, :, :, :7] = cache.values[layer, :, :, :7] = np.nan
    np.testing.assert_array_equal(step(np.array([5]), cache), expected)
    cache.keep(9)
    cache.keys[2, :, :, 7] = np.nan
    assert np.isnan(step(np.array([5]), cache)).all()


def test_a_longer_cache_gets_more_angles(rng, assert_close):
    model, exact = model_of(LLAMA, rng)
    step, tokens = TokenStep(model), rng.integers(0, 37, 13)
    for n_positions in (3, 13, 5):
        cache, exact_cache = model.new_cache(1, n_positions), exact.new_cache(1, n_positions)
        for token in tokens[:n_positions]:
            actual = step(token[None], cache)
            assert_close(actual, exact.extend(token[None, None], exact_cache), 3e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_logit_that_is_not_finite_stays_so(value, rng):
    model, _ = model_of(FORMS["nanochat"], rng)
    model.lm_head.weight.value[3] = value
    logits = TokenStep(model)(np.array([1]), model.new_cache(1))
    assert np.isnan(logits[0, 3])
    assert np.isfinite(np.delete(logits[0], 3)).all()


def test_soft_caps_keep_the_digits_of_small_numbers(assert_close):
    from scratchgpt.kernels.decoding.activations import soft_cap

    @numba.njit
    def capped(x, cap):
        soft_cap(x, cap)

    x = np.concatenate([[0], np.geomspace(1e-6, 900, 2000)]).astype(np.float32)
    x = np.concatenate([-x, x])
    expected = 7 * np.tanh(x.astype(np.float64) / 7)
    actual = x.copy()
    capped(actual, np.float32(7))
    np.testing.assert_allclose(actual, expected, rtol=3e-7)
