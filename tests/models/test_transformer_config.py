import dataclasses

import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import PRESETS, TRANSFORMER_PRESETS, GPTConfig, TransformerConfig, describe


def test_the_defaults_are_the_papers_base_model():
    config = TransformerConfig()
    assert config == TransformerConfig.from_preset("transformer-base")
    assert (config.n_encoder_layer, config.n_decoder_layer, config.n_head) == (6, 6, 8)
    assert (config.n_embd, config.inner_size, config.head_size) == (512, 2048, 64)
    assert (config.dropout, config.norm_position, config.activation) == (0.1, "post", "relu")
    assert config.shared_embeddings
    assert config.tied_head
    assert config.scale_embeddings
    assert config.positions == "sinusoidal"
    assert config.source_size == config.vocab_size == 37000


@pytest.mark.parametrize(("name", "millions"), [("base", 65), ("big", 213)])
def test_the_papers_models_have_its_number_of_parameters(name, millions):
    """Table 3 reports 65 and 213 million, without explaining how they are counted."""
    n = describe(TransformerConfig.from_preset(f"transformer-{name}")).n_parameters
    assert abs(n / 1e6 / millions - 1) < 0.04


def test_the_presets_are_these():
    sizes = {
        name: (c.n_encoder_layer, c.n_decoder_layer, c.n_head, c.n_embd, c.inner_size)
        for name in TRANSFORMER_PRESETS
        for c in [TransformerConfig.from_preset(name)]
    }
    assert sizes == {
        "transformer-base": (6, 6, 8, 512, 2048),
        "transformer-big": (6, 6, 16, 1024, 4096),
        "transformer-small": (3, 3, 4, 256, 1024),
        "transformer-tiny": (2, 2, 4, 64, 256),
    }
    assert TRANSFORMER_PRESETS.keys().isdisjoint(PRESETS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_encoder_layer": 0}, "n_encoder_layer=0 must be a positive whole number"),
        ({"n_decoder_layer": None}, "n_decoder_layer=None must be a positive whole number"),
        ({"source_vocab_size": 0}, "source_vocab_size=0 must be a positive whole number"),
        ({"scale_embeddings": 1}, "scale_embeddings=1 must be true or false"),
        ({"shared_embeddings": None}, "shared_embeddings=None must be true or false"),
        ({"tied_head": "yes"}, "tied_head='yes' must be true or false"),
        ({"n_embd": 100}, "n_embd=100 is not divisible by n_head=8; choose a multiple of 8"),
        ({"dropout": 1.0}, "dropout=1.0 must be at least 0 and less than 1"),
        ({"layer_norm_epsilon": 0.0}, "layer_norm_epsilon=0.0 must be positive"),
        ({"norm_position": "prae"}, "'prae' is not one of pre, post; did you mean 'pre'?"),
        (
            {"positions": "learnedd"},
            "not one of sinusoidal, learned; did you mean 'learned'?",
        ),
        ({"activation": "swish"}, "activation='swish' is not one of"),
        ({"source_vocab_size": 5}, "cannot share a table; set shared_embeddings to false"),
        ({"padding_id": -1}, "padding_id=-1 must be a token of the source, 0 to 36999"),
        ({"padding_id": 37000}, "padding_id=37000 must be a token of the source"),
        ({"padding_id": True}, "padding_id=True must be a token of the source"),
        ({"padding_id": "0"}, "padding_id='0' must be a token of the source"),
    ],
)
def test_invalid_values_are_refused_in_one_line(changes, message):
    with pytest.raises(UserError) as caught:
        TransformerConfig(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_vocabularies_need_two_tables():
    config = TransformerConfig(source_vocab_size=5, shared_embeddings=False, padding_id=4)
    assert (config.source_size, config.vocab_size) == (5, 37000)
    with pytest.raises(UserError, match="0 to 4"):
        config.replace(padding_id=5)


def test_presets_belong_to_one_kind_of_model():
    with pytest.raises(UserError, match="'transformer-base' is not of kind GPT; choose one of"):
        GPTConfig.from_preset("transformer-base")
    with pytest.raises(UserError, match="'gpt2' is not of kind encoder-decoder Transformer; "):
        TransformerConfig.from_preset("gpt2")
    with pytest.raises(UserError, match="did you mean 'transformer-big'"):
        TransformerConfig.from_preset("transformer-bug")
    with pytest.raises(UserError, match="unknown model setting 'n_layer'"):
        TransformerConfig.from_preset("transformer-tiny", n_layer=3)


def test_it_can_be_converted_to_a_dictionary_and_back():
    config = TransformerConfig.from_preset("transformer-small", n_inner=77, padding_id=1)
    assert TransformerConfig.from_dict(config.as_dict()) == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.n_embd = 3
    assert config.replace(dropout=0.0).dropout == 0
