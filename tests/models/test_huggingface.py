"""The files of GPT-1 and GPT-2; test_families.py compares what all families compute."""

import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig

SIZES = {"n_layer": 3, "n_head": 3, "n_embd": 24, "n_positions": 56, "vocab_size": 61}


@pytest.mark.parametrize("family", ["gpt2", "openai-gpt"])
def test_a_round_trip_is_bit_for_bit(make_peer, tmp_path, family):
    from safetensors.numpy import load_file

    _, path = make_peer(family, {})
    GPT.from_pretrained(path, dtype=np.float64).save_pretrained(tmp_path / "ours")
    theirs, ours = (load_file(p / "model.safetensors") for p in (path, tmp_path / "ours"))
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_read(make_peer, dtype):
    peer, path = make_peer("gpt2", {}, dtype)
    model = GPT.from_pretrained(path)
    for name, parameter in peer.named_parameters():
        expected = parameter.detach().float().numpy()
        np.testing.assert_array_equal(model.store.named[name].value, expected)


@pytest.mark.parametrize("family", ["gpt2", "openai-gpt"])
def test_files_like_the_published_ones_are_read(torch, make_peer, in_our_names, family):
    """The files lack ``transformer.``, and contain the masks of old attention and the head."""
    from safetensors.torch import save_file

    peer, path = make_peer(family, {})
    tensors = {
        name.removeprefix("transformer."): tensor.clone()
        for name, tensor in peer.state_dict().items()
    }
    for i in range(3):
        tensors[f"h.{i}.attn.bias"] = torch.ones(1, 1, 56, 56).tril()
        tensors[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(tensors, path / "model.safetensors")
    model = GPT.from_pretrained(path, dtype=np.float64)
    theirs = {name: parameter.detach().numpy() for name, parameter in peer.named_parameters()}
    for name, expected in in_our_names(theirs, model, family).items():
        np.testing.assert_array_equal(model.store.named[name].value, expected)

    tensors["lm_head.weight"][3, 4] += 1
    save_file(tensors, path / "model.safetensors")
    with pytest.raises(UserError, match=r"lm_head.weight differs from .*embeddings\": false"):
        GPT.from_pretrained(path)


def test_their_other_models_are_refused(transformers, make_peer, tmp_path):
    config = transformers.GPT2Config(**SIZES, num_labels=3)
    transformers.GPT2ForSequenceClassification(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"'GPT2ForSequenceClassification', which has other parts"):
        GPT.from_pretrained(tmp_path)


@pytest.fixture
def rewrite(tmp_path):
    """``rewrite(**changes)`` saves a model, changes its config.json and returns its folder."""

    def change(**changes):
        sizes = {"n_layer": 1, "n_head": 2, "n_embd": 4, "block_size": 5, "vocab_size": 7}
        GPT(GPTConfig(**sizes)).save_pretrained(tmp_path)
        values = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**values, **changes}))
        return tmp_path

    return change


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"model_type": "bert"}, ["model_type='bert'", "gpt2, openai-gpt, llama"]),
        ({"model_type": "gpt"}, ["did you mean 'gpt2'?"]),
        (
            {"architectures": ["GPT2DoubleHeadsModel"]},
            ["'GPT2DoubleHeadsModel'", "GPT2LMHeadModel"],
        ),
        ({"add_cross_attention": True}, ["add_cross_attention=True"]),
        ({"is_encoder_decoder": True}, ["is_encoder_decoder=True"]),
        ({"pruned_heads": {"0": [1]}}, ["pruned_heads="]),
        ({"quantization_config": {"bits": 4}}, ["quantization_config="]),
        ({"activation_function": "mish"}, ["activation_function='mish'", "gelu_new"]),
        ({"attn_pdrop": 0.1}, ["attn_pdrop=0.1, embd_pdrop=0.0", "differ", "dropout="]),
        ({"tie_word_embeddings": "yes"}, ["tied_head='yes' must be true or false"]),
        ({"scale_attn_weights": 2}, ["scale_attn_weights=2 must be true or false"]),
        ({"tie_word_embeddings": False}, ["has no array 'lm_head.weight'"]),
    ],
)
def test_unsupported_fields_are_refused_by_name(rewrite, changes, parts):
    with pytest.raises(UserError) as caught:
        GPT.from_pretrained(rewrite(**changes))
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_dropout_overrides_all_three_fields(rewrite):
    assert GPT.from_pretrained(rewrite(attn_pdrop=0.1), dropout=0.3).config.dropout == 0.3


def test_other_names_of_sizes_are_understood(rewrite):
    path = rewrite()
    values = json.loads((path / "config.json").read_text())
    for theirs, ours in (("hidden_size", "n_embd"), ("max_position_embeddings", "n_positions")):
        values[theirs] = values.pop(ours)
    (path / "config.json").write_text(json.dumps(values))
    assert GPT.from_pretrained(path).config.n_embd == 4


def test_a_model_of_another_kind_is_refused(tmp_path):
    from scratchgpt.models import Transformer, TransformerConfig, save_pretrained

    config = TransformerConfig(n_encoder_layer=1, n_decoder_layer=1, n_embd=8, vocab_size=11)
    save_pretrained(Transformer(config), tmp_path)
    with pytest.raises(UserError, match="is not a GPT; read it with load_pretrained"):
        GPT.from_pretrained(tmp_path)
