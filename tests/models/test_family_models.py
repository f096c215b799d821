"""What can be done with a GPT of every family, besides computing."""

from functools import partial

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.generation.token_step import TokenStep
from scratchgpt.models import (
    GPT,
    GPTClassifier,
    GPTClassifierConfig,
    GPTConfig,
    GPTEncoder,
    GPTReward,
    QuantizedGPT,
    describe,
    load_pretrained,
    write_llmc,
    write_state_dict,
)
from scratchgpt.models.config import LATER_FIELDS, OWN_BIASES
from scratchgpt.proofs.forms import FAMILY_FORMS, SMALL

GREEDY = {"max_new_tokens": 5, "sampling": SamplingConfig(temperature=0)}


def random_gpt(config, dtype):
    model = GPT(config, seed=4, dtype=dtype)
    rng = np.random.default_rng(1)
    for parameter in model.store.named.values():
        parameter.value += 0.3 * rng.standard_normal(parameter.shape)
    return model


@pytest.mark.parametrize("form", FAMILY_FORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_generation_with_a_cache_equals_the_whole_pass(form, dtype, assert_close):
    config = GPTConfig(**{**SMALL, "dropout": 0.0, **FAMILY_FORMS[form]})
    model = random_gpt(config, dtype)
    tokens = np.random.default_rng(2).integers(0, config.vocab_size, (3, config.block_size))
    expected = model.forward(tokens)[0]
    cache = model.new_cache(3)
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    assert_close(model.extend(tokens[:, :3], cache), expected[:, 2], tolerance)
    step = TokenStep(model)
    for i in range(3, config.block_size):
        assert_close(step(tokens[:, i], cache), expected[:, i], tolerance, f"token {i}")


@pytest.mark.parametrize("form", FAMILY_FORMS)
def test_eight_bits_generate_the_text_of_the_rounded_weights(form):
    model = random_gpt(GPTConfig(**{**SMALL, "dropout": 0.0, **FAMILY_FORMS[form]}), np.float32)
    small = QuantizedGPT(model)
    texts = [
        [text.tokens.tolist() for text in generate(one, [[1, 2], [3]], **GREEDY)]
        for one in (small, small.dequantize())
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("form", FAMILY_FORMS)
def test_copies_of_a_model_compute_the_same(form, assert_close):
    config = GPTConfig(**{**SMALL, "dropout": 0.0, **FAMILY_FORMS[form]})
    model = random_gpt(config, np.float64)
    tokens = np.random.default_rng(2).integers(0, config.vocab_size, (2, 5))
    expected = model.forward(tokens)[0]
    copies = {
        "crop": model.crop(5),
        "with_biases": model.with_biases(),
        "with_vocabulary": model.with_vocabulary(config.vocab_size + 4),
    }
    for name, copy in copies.items():
        logits = copy.forward(tokens)[0][..., : config.vocab_size]
        assert_close(logits, expected, 1e-12, name)
    biased = copies["with_biases"].config
    assert all(biased.has_bias(part) for part in ("qkv", "proj", "mlp"))
    assert copies["with_biases"].with_biases() is copies["with_biases"]


@pytest.mark.parametrize("form", FAMILY_FORMS)
def test_encoders_rewards_and_classifiers_have_the_form_too(form, tmp_path, assert_close):
    config = GPTConfig(**{**SMALL, **FAMILY_FORMS[form]})
    gpt = GPT(config, seed=4)
    of_classifier = {**config.as_dict(), "vocab_size": config.vocab_size + 3, "labels": ("a", "b")}
    models = [
        GPTEncoder.from_gpt(gpt),
        GPTReward.from_gpt(gpt),
        GPTClassifier.from_gpt(gpt, GPTClassifierConfig(**of_classifier)),
    ]
    for i, model in enumerate(models):
        model.save_pretrained(tmp_path / str(i))
        again = load_pretrained(tmp_path / str(i))
        assert type(again) is type(model)
        assert again.config == model.config
        np.testing.assert_array_equal(again.store.values, model.store.values)
        assert describe(model.config).n_parameters == model.store.size
        assert_close(
            again.transformer.h[0].attn.c_attn.weight.value,
            gpt.transformer.h[0].attn.c_attn.weight.value,
            1e-6,
        )


# Values of later settings that programs for GPT-2 do not compute.
UNKNOWN_TO_GPT2 = {
    **{"norm": "rms", "embedding_norm": True, "positions": "rotary", "n_kv_head": 1},
    **{"head_dim": 6, "qk_norm": "after_rotary", "sliding_window": 2, "gated_mlp": True},
    **{"attention_soft_cap": 2.0, "logit_soft_cap": 2.0},
    **dict.fromkeys(OWN_BIASES, False),
}
# These change nothing without others, and are refused.
WITHOUT_EFFECT = {
    **{"rope_theta": 3.0, "rope_pairing": "neighbors", "rope_reversed": True},
    **{"rope_scaling": {"rope_type": "linear", "factor": 2.0}},
    **{"norm_weight": False, "window_layers": (True, False)},
}


def test_every_later_setting_is_checked():
    assert set(UNKNOWN_TO_GPT2) | set(WITHOUT_EFFECT) == set(LATER_FIELDS)


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_a_setting_without_effect_is_refused(name):
    with pytest.raises(UserError, match=rf"^{name}=.* has no effect with"):
        GPTConfig(**{**SMALL, name: WITHOUT_EFFECT[name]})


@pytest.mark.parametrize("name", UNKNOWN_TO_GPT2)
def test_programs_for_gpt2_refuse_every_later_setting(tmp_path, name):
    form = {"n_inner": 48, "activation": "gelu_tanh", name: UNKNOWN_TO_GPT2[name]}
    model = GPT(GPTConfig(**{**SMALL, **form}))
    exact = GPT(GPTConfig(**{**SMALL, **form, "activation": "gelu"}))
    writers = {
        "nanogpt": partial(write_state_dict, exact, tmp_path / "a.safetensors", "nanogpt"),
        "mingpt": partial(write_state_dict, model, tmp_path / "b.safetensors", "mingpt"),
        "llm.c": partial(write_llmc, model, tmp_path / "c.bin"),
    }
    for program, write in writers.items():
        if name in OWN_BIASES and program != "nanogpt":  # missing biases are written as 0
            write()
        else:
            with pytest.raises(UserError, match=f"{program} supports only {name}="):
                write()
