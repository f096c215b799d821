import dataclasses

import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import PRESETS, GPTConfig


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
    assert config.head_size * config.n_head == config.n_embd


# Parameters in millions, as published or as computed by hand from the published sizes.
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("openai-gpt", 116.5),
        ("gpt2", 124.4),
        ("gpt2-medium", 354.8),
        ("gpt2-large", 774.0),
        ("gpt2-xl", 1557.6),
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
    }
    assert GPTConfig.from_preset("openai-gpt").norm_position == "post"
    assert GPTConfig.from_preset("openai-gpt").block_size == 512
    assert GPTConfig.from_preset("openai-gpt").vocab_size == 40478
    assert GPTConfig.from_preset("char").block_size == 64
    assert not GPTConfig.from_preset("char").bias


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
