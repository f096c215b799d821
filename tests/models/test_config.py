import dataclasses
import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import PRESETS, GPTConfig
from scratchgpt.models.config import DEFAULTS, LATER_FIELDS
from scratchgpt.models.families import obstacle, write_family
from scratchgpt.structured import read_toml


def test_the_defaults_are_gpt2():
    assert GPTConfig() == GPTConfig.from_preset("gpt2")
    config = GPTConfig()
    assert (config.n_layer, config.n_head, config.n_embd) == (12, 12, 768)
    assert (config.block_size, config.vocab_size) == (1024, 50257)
    assert (config.norm_position, config.activation) == ("pre", "gelu_tanh")
    assert config.tied_head
    assert config.bias
    assert config.dropout == 0
    assert config.layer_norm_epsilon == 1e-5


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid(name):
    config = GPTConfig.from_preset(name)
    assert config.head_dim or config.head_size * config.n_head == config.n_embd


# Parameters in millions, as published or as computed by hand from the published sizes.
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("openai-gpt", 116.5),
        ("gpt2", 124.4),
        ("gpt2-medium", 354.8),
        ("gpt2-large", 774.0),
        ("gpt2-xl", 1557.6),
        ("smollm2-135m", 134.5),
        ("tinyllama-1.1b", 1100.0),
        ("qwen2.5-0.5b", 494.0),
        ("qwen3-0.6b", 596.0),
        ("mistral-7b", 7241.7),
        ("nanochat-d20", 561.0),
    ],
)
def test_presets_have_the_published_number_of_parameters(name, millions):
    from scratchgpt.models import describe

    n = describe(GPTConfig.from_preset(name)).n_parameters
    assert round(n / 1e6, 1) == millions


def test_the_presets_are_these():
    assert set(PRESETS) == {
        "openai-gpt",
        "gpt2",
        "gpt2-medium",
        "gpt2-large",
        "gpt2-xl",
        "gopher-44m",
        "gpt-mini",
        "gpt-micro",
        "gpt-nano",
        "search",
        "char",
        "llama-char",
        "smollm2-135m",
        "tinyllama-1.1b",
        "qwen2.5-0.5b",
        "qwen3-0.6b",
        "mistral-7b",
        "nanochat-d20",
    }
    sizes = {
        name: tuple(
            getattr(GPTConfig.from_preset(name), f) for f in ("n_layer", "n_head", "n_embd")
        )
        for name in PRESETS
    }
    assert sizes == {
        "openai-gpt": (12, 12, 768),
        "gpt2": (12, 12, 768),
        "gpt2-medium": (24, 16, 1024),
        "gpt2-large": (36, 20, 1280),
        "gpt2-xl": (48, 25, 1600),
        "gopher-44m": (8, 16, 512),
        "gpt-mini": (6, 6, 192),
        "gpt-micro": (4, 4, 128),
        "gpt-nano": (3, 3, 48),
        "search": (2, 4, 128),
        "char": (4, 4, 128),
        "llama-char": (4, 4, 128),
        "smollm2-135m": (30, 9, 576),
        "tinyllama-1.1b": (22, 32, 2048),
        "qwen2.5-0.5b": (24, 14, 896),
        "qwen3-0.6b": (28, 16, 1024),
        "mistral-7b": (32, 32, 4096),
        "nanochat-d20": (20, 10, 1280),
    }
    assert GPTConfig.from_preset("openai-gpt").norm_position == "post"
    assert GPTConfig.from_preset("openai-gpt").block_size == 512
    assert GPTConfig.from_preset("openai-gpt").vocab_size == 40478
    assert GPTConfig.from_preset("char").block_size == 64
    assert not GPTConfig.from_preset("char").bias


@pytest.mark.parametrize(
    ("name", "family"),
    [
        *(("gpt2", "gpt2"), ("openai-gpt", "openai-gpt"), ("llama-char", "llama")),
        *(("smollm2-135m", "llama"), ("tinyllama-1.1b", "llama"), ("qwen2.5-0.5b", "qwen2")),
        *(("qwen3-0.6b", "qwen3"), ("mistral-7b", "mistral"), ("nanochat-d20", "nanochat")),
    ],
)
def test_presets_are_of_a_family(name, family):
    config = GPTConfig.from_preset(name)
    assert obstacle(config) is None
    assert write_family(config)["model_type"] == family


def test_a_preset_in_the_form_of_llama_has_as_many_weights_in_its_mlp():
    llama, gpt = GPTConfig.from_preset("llama-char"), GPTConfig.from_preset("char")
    of_llama, of_gpt = 3 * llama.inner_size, 2 * gpt.inner_size
    assert abs(of_llama / of_gpt - 1) < 0.01


def test_a_preset_may_be_changed():
    config = GPTConfig.from_preset("gpt-nano", dropout=0.2, vocab_size=65)
    assert (config.n_embd, config.dropout, config.vocab_size) == (48, 0.2, 65)
    assert GPTConfig.from_preset("gpt-nano").dropout == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_layer": 0}, "n_layer=0 must be a positive whole number"),
        ({"n_head": -1}, "n_head=-1 must be a positive whole number"),
        ({"n_embd": 1.5}, "n_embd=1.5 must be a positive whole number"),
        ({"vocab_size": "65"}, "vocab_size='65' must be a positive whole number"),
        ({"block_size": True}, "block_size=True must be a positive whole number"),
        ({"n_inner": 0}, "n_inner=0 must be a positive whole number"),
        ({"n_layer": None}, "n_layer=None must be a positive whole number"),
        ({"bias": 1}, "bias=1 must be true or false"),
        ({"tied_head": "yes"}, "tied_head='yes' must be true or false"),
        ({"scale_attn_weights": 1}, "scale_attn_weights=1 must be true or false"),
        (
            {"scale_attn_by_inverse_layer_idx": None},
            "scale_attn_by_inverse_layer_idx=None must be true or false",
        ),
        (
            {"n_embd": 100},
            "n_embd=100 is not divisible by n_head=12; choose a multiple of 12",
        ),
        ({"dropout": 1.0}, "dropout=1.0 must be at least 0 and less than 1"),
        ({"dropout": -0.1}, "dropout=-0.1 must be at least 0 and less than 1"),
        ({"layer_norm_epsilon": 0.0}, "layer_norm_epsilon=0.0 must be positive"),
        ({"layer_norm_epsilon": float("nan")}, "layer_norm_epsilon=nan must be positive"),
        ({"norm_position": "poste"}, "'poste' is not one of pre, post; did you mean 'post'?"),
        ({"activation": "gelu_tan"}, "did you mean 'gelu_tanh'?"),
        (
            {"activation": "relu_squared", "gated_mlp": True},
            "does not fit gated_mlp=True; choose",
        ),
        ({"norm": "rsm"}, "norm='rsm' is not one of layer, rms; did you mean 'rms'?"),
        ({"positions": "sinusoidal"}, "positions='sinusoidal' is not one of learned, rotary"),
        ({"qk_norm": True}, "qk_norm=True is not one of none, before_rotary, after_rotary"),
        ({"rope_pairing": "half"}, "did you mean 'halves'?"),
        ({"rope_reversed": 1}, "rope_reversed=1 must be true or false"),
        ({"qkv_bias": 0}, "qkv_bias=0 must be true or false"),
        ({"n_kv_head": 5}, "n_kv_head=5 does not divide n_head=12"),
        ({"n_kv_head": 0}, "n_kv_head=0 must be a positive whole number"),
        ({"sliding_window": 0}, "sliding_window=0 must be a positive whole number"),
        ({"positions": "rotary", "head_dim": 7}, "but a head has 7; choose an even head_dim"),
        ({"window_layers": [True]}, "window_layers=[True] must have true or false for each of"),
        ({"window_layers": 12 * [1]}, "must have true or false for each of the 12 layers"),
        ({"window_layers": True}, "window_layers=True must have true or false"),
        ({"rope_theta": 1.0}, "rope_theta=1.0 must be more than 1 and finite"),
        ({"rope_theta": None}, "rope_theta=None must be more than 1 and finite"),
        ({"logit_soft_cap": 0}, "logit_soft_cap=0 must be a positive and finite number"),
        ({"logit_soft_cap": "3"}, "logit_soft_cap='3' must be a positive and finite number"),
        ({"attention_soft_cap": float("inf")}, "attention_soft_cap=inf must be a positive"),
        (
            {"rope_theta": 5e5},
            "rope_theta=500000.0 has no effect with positions='learned'; leave it at 10000.0",
        ),
        ({"rope_reversed": True}, "rope_reversed=True has no effect with positions='learned'"),
        (
            {"norm_weight": False},
            "norm_weight=False has no effect with norm='layer' and qk_norm='none'",
        ),
        (
            {"window_layers": 12 * [True]},
            "has no effect with sliding_window=None; leave it at None",
        ),
    ],
)
def test_invalid_values_are_refused_in_one_line(changes, message):
    with pytest.raises(UserError) as caught:
        GPTConfig(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_scores_are_scaled_by_head_and_layer():
    config = GPTConfig(n_embd=48, n_head=3)
    assert [config.attention_scale(i) for i in range(3)] == [0.25, 0.25, 0.25]
    by_layer = config.replace(scale_attn_by_inverse_layer_idx=True)
    assert [by_layer.attention_scale(i) for i in (0, 1, 3)] == [0.25, 0.125, 0.0625]
    assert by_layer.replace(scale_attn_weights=False).attention_scale(1) == 0.5
    assert config.replace(scale_attn_weights=False).attention_scale(5) == 1


def test_unknown_names_are_refused_with_the_nearest_known_one():
    with pytest.raises(UserError, match="unknown preset 'gtp2'; did you mean 'gpt2'"):
        GPTConfig.from_preset("gtp2")
    with pytest.raises(UserError, match="unknown preset 'xyz'; choose one of openai-gpt, gpt2"):
        GPTConfig.from_preset("xyz")
    with pytest.raises(UserError, match="unknown model setting 'n_layers'; did you mean 'n_layer'"):
        GPTConfig.from_dict({"n_layers": 3})


def test_it_can_be_converted_to_a_dictionary_and_back():
    config = GPTConfig.from_preset("char", n_inner=77, dropout=0.1, tied_head=False)
    assert GPTConfig.from_dict(config.as_dict()) == config


def test_it_is_frozen_and_replace_checks_again():
    config = GPTConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.n_layer = 3
    assert config.replace(n_layer=3).n_layer == 3
    with pytest.raises(UserError):
        config.replace(n_head=7)


def test_derived_sizes():
    assert GPTConfig().head_size == 64
    assert GPTConfig().inner_size == 4 * 768
    assert GPTConfig(n_inner=100).inner_size == 100


TODAY = {
    **{"norm": "rms", "positions": "rotary", "n_layer": 2, "sliding_window": 9},
    **{"n_head": 4, "n_kv_head": 2, "n_embd": 24, "window_layers": (True, False)},
    "rope_scaling": {"rope_type": "linear", "factor": 2.0},
}


def test_settings_of_today_survive_json_and_toml_and_may_be_hashed(tmp_path):
    tomli_w = pytest.importorskip("tomli_w")
    config = GPTConfig(**TODAY)
    assert GPTConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config
    (tmp_path / "a.toml").write_bytes(tomli_w.dumps(TODAY).encode())
    again = GPTConfig.from_dict(read_toml(tmp_path / "a.toml"))
    assert again == config
    assert hash(again) == hash(config)
    assert again != config.replace(rope_scaling=None)


def test_numbers_of_numpy_become_those_of_python():
    scaling = {"rope_type": "linear", "factor": np.float32(2)}
    windows = np.array([True, False])
    config = GPTConfig(**{**TODAY, "rope_scaling": scaling, "window_layers": list(windows)})
    assert config == GPTConfig(**TODAY)
    json.dumps(config.as_dict())
    scaling["factor"] = 5.0
    assert config.rope_scaling == TODAY["rope_scaling"]


def test_what_has_no_effect_does_not_distinguish_two_forms():
    config = GPTConfig(**TODAY)
    same = config.replace(n_inner=96, head_dim=6, qkv_bias=True, proj_bias=True, mlp_bias=True)
    assert same.replace(bias=False).effective() == config.effective()
    windows = config.replace(window_layers=(False, False))
    everywhere = config.replace(sliding_window=None, window_layers=None)
    assert windows.effective() == everywhere.effective()
    assert config.effective() != config.replace(rope_theta=3.0).effective()


def test_files_have_later_fields_only_if_they_are_set():
    """Earlier versions read the files of models that they know."""
    assert GPTConfig(dropout=0.1).stored_fields().keys() == set(DEFAULTS) - set(LATER_FIELDS)
    stored = GPTConfig(**TODAY).stored_fields()
    assert stored.keys() & set(LATER_FIELDS) == TODAY.keys() & set(LATER_FIELDS)
    assert next(iter(LATER_FIELDS)) == "norm"
