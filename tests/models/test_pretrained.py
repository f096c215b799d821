import json
import os

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import (
    GPT,
    GPTConfig,
    QuantizedGPT,
    Transformer,
    TransformerConfig,
    load_pretrained,
    load_quantized,
    save_pretrained,
)
from scratchgpt.models.directory import write_directory
from scratchgpt.models.pretrained import load_weights

SIZES = {"n_layer": 2, "n_head": 3, "n_embd": 6, "block_size": 5, "vocab_size": 7}
FORMS = [
    {},
    {"norm_position": "post", "bias": False, "activation": "relu"},
    {"tied_head": False, "n_inner": 10, "dropout": 0.1, "activation": "gelu"},
    {"layer_norm_epsilon": 1e-3},
    {"norm_position": "post", "tied_head": False},
    {"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True, "bias": False},
]


@pytest.fixture
def saved(tmp_path):
    model = GPT(GPTConfig(**SIZES), seed=4)
    save_pretrained(model, tmp_path / "model")
    return model, tmp_path / "model"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_model_comes_back_bit_for_bit(tmp_path, form, dtype):
    model = GPT(GPTConfig(**{**SIZES, **form}), seed=4, dtype=dtype)
    save_pretrained(model, tmp_path / "new" / "model")
    again = load_pretrained(tmp_path / "new" / "model", dtype=dtype)
    assert again.config == model.config
    np.testing.assert_array_equal(again.store.values, model.store.values)


def test_the_dtype_of_the_model_is_chosen_when_it_is_read(saved):
    model, path = saved
    assert load_pretrained(path).dtype == np.float32
    again = load_pretrained(path, dtype=np.float64)
    assert again.dtype == np.float64
    np.testing.assert_array_equal(again.store.values.sum(), model.astype(float).store.values.sum())


def test_the_files_are_those_that_others_read(saved):
    from safetensors.numpy import load_file

    model, path = saved
    assert {file.name for file in path.iterdir()} == {"config.json", "model.safetensors"}
    tensors = load_file(path / "model.safetensors")
    assert set(tensors) == set(model.store.named)
    weight = model.transformer.h[1].mlp.c_fc.weight.value
    np.testing.assert_array_equal(tensors["transformer.h.1.mlp.c_fc.weight"], weight)
    config = json.loads((path / "config.json").read_text())
    assert config["model_type"] == "gpt2"
    assert config["architectures"] == ["GPT2LMHeadModel"]
    assert config["activation_function"] == "gelu_new"
    assert (config["n_positions"], config["vocab_size"]) == (5, 7)


@pytest.mark.parametrize(
    ("form", "model_type"),
    [
        ({"activation": "gelu", "n_inner": 10, "scale_attn_weights": False}, "gpt2"),
        ({"bias": False}, "scratchgpt"),
        ({"norm_position": "post"}, "openai-gpt"),
        ({"norm_position": "post", "n_inner": 24, "activation": "relu"}, "openai-gpt"),
        ({"norm_position": "post", "n_inner": 10}, "scratchgpt"),
        ({"norm_position": "post", "activation": "gelu"}, "scratchgpt"),
        ({"norm_position": "post", "scale_attn_weights": False}, "scratchgpt"),
        ({"norm_position": "post", "scale_attn_by_inverse_layer_idx": True}, "scratchgpt"),
    ],
)
def test_the_model_type_is_that_of_the_program_that_computes_the_same(tmp_path, form, model_type):
    save_pretrained(GPT(GPTConfig(**SIZES, **form)), tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == model_type


def test_a_configuration_from_before_attention_had_scales_is_read(tmp_path):
    model = GPT(GPTConfig(**SIZES, bias=False))
    save_pretrained(model, tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    del values["scale_attn_weights"], values["scale_attn_by_inverse_layer_idx"]
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert load_pretrained(tmp_path).config == model.config


def test_weights_that_do_not_fit_leave_a_model_unchanged(saved, tmp_path):
    """The file is valid except for its last array."""
    _, path = saved
    model = GPT(GPTConfig(**{**SIZES, "tied_head": False}), seed=9)
    before = model.store.values.copy()
    with pytest.raises(UserError, match=r"has no array 'lm_head.weight'"):
        load_weights(path, model)
    np.testing.assert_array_equal(model.store.values, before)


def test_the_end_of_text_token_is_written_for_other_programs(saved):
    model, path = saved
    save_pretrained(model, path, end_of_text=6)
    for name in ("config.json", "generation_config.json"):
        values = json.loads((path / name).read_text())
        assert (values["bos_token_id"], values["eos_token_id"]) == (6, 6)
    assert load_pretrained(path).config == model.config


@pytest.mark.parametrize("ids", [np.int64(6), np.array([6, 3]), [np.int32(6), 3], 6])
def test_the_ends_may_be_numbers_of_numpy(saved, ids):
    model, path = saved
    save_pretrained(model, path, end_of_text=ids)
    assert load_pretrained(path).special_ids.ends == tuple(np.atleast_1d(ids).tolist())


@pytest.mark.parametrize("ids", ["</s>", 6.0, [6, None], True, -1])
def test_a_wrong_end_is_refused_before_the_first_file(saved, tmp_path, ids):
    model, path = saved
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    for folder in (path, tmp_path / "new"):
        with pytest.raises(UserError, match="is not a token id or a list of token ids"):
            save_pretrained(model, folder, end_of_text=ids)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before
    assert not (tmp_path / "new").exists()


def test_a_configuration_that_is_not_json_is_refused_before_the_first_file(tmp_path):
    with pytest.raises(TypeError):
        write_directory(tmp_path / "new", {"name": object()}, {"a": np.ones(3)})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("load", [load_pretrained, GPT.from_pretrained])
def test_the_folder_of_a_run_is_read_as_its_model(tmp_path, load):
    for i, name in enumerate(("last", "best", "average")):
        model = GPT(GPTConfig(**SIZES), seed=i)
        save_pretrained(model, tmp_path / name)
        np.testing.assert_array_equal(load(tmp_path).store.values, model.store.values)
    save_pretrained(QuantizedGPT(model), tmp_path / "small" / "last")
    assert load_quantized(tmp_path / "small").config == model.config


def test_dropout_may_be_chosen_when_a_model_is_read(saved, tmp_path):
    _, path = saved
    assert load_pretrained(path).config.dropout == 0
    assert load_pretrained(path, dropout=0.2).config.dropout == 0.2
    save_pretrained(GPT(GPTConfig(**SIZES, bias=False)), tmp_path / "own")
    assert load_pretrained(tmp_path / "own", dropout=0.3).config.dropout == 0.3


def test_saving_again_leaves_no_other_files(saved):
    model, path = saved
    model.store.values[...] = 3
    save_pretrained(model, path)
    assert {file.name for file in path.iterdir()} == {"config.json", "model.safetensors"}
    assert (load_pretrained(path).transformer.wte.weight.value == 3).all()


@pytest.mark.parametrize(
    "form",
    [{}, {"norm_position": "pre", "padding_id": 3, "dropout": 0.3, "positions": "learned"}],
)
def test_a_transformer_comes_back_too(tmp_path, form):
    sizes = {"n_encoder_layer": 1, "n_decoder_layer": 2, "n_head": 2, "n_embd": 6}
    model = Transformer(TransformerConfig(**sizes, vocab_size=11, **form), seed=3)
    save_pretrained(model, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == (
        "scratchgpt-transformer"
    )
    read = load_pretrained(tmp_path)
    assert isinstance(read, Transformer)
    assert read.config == model.config
    np.testing.assert_array_equal(read.store.values, model.store.values)
    assert load_pretrained(tmp_path, dtype=np.float64).dtype == np.float64


def test_a_damaged_transformer_is_refused(tmp_path):
    config = TransformerConfig(n_encoder_layer=1, n_decoder_layer=1, n_embd=8, vocab_size=11)
    save_pretrained(Transformer(config), tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())

    def rewrite(**changes):
        (tmp_path / "config.json").write_text(json.dumps({**values, **changes}))

    rewrite(n_layer=3)
    refused(tmp_path, "is not the configuration of a Transformer", "n_layer")
    rewrite(n_decoder_layer=2)
    refused(tmp_path, "has no array 'decoder.h.1.")
    rewrite(norm_position="middle")
    refused(tmp_path, "norm_position='middle' is not one of pre, post")


def refused(path, *parts):
    with pytest.raises(UserError) as caught:
        load_pretrained(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_folder_that_is_not_a_model_is_refused(tmp_path):
    refused(tmp_path, "is not a model: there is no config.json", "scratchgpt train --out")


def test_missing_weights_are_named(saved):
    _, path = saved
    (path / "model.safetensors").unlink()
    refused(path, "model.safetensors is missing")


@pytest.mark.parametrize("n_bytes", [0, 4, 100, -1])
def test_truncated_weights_are_refused(saved, n_bytes):
    _, path = saved
    file = path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:n_bytes])
    refused(path, "model.safetensors is damaged")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"n_inner": 9}, ["transformer.h.0.mlp.c_fc", "belongs to a model of another config"]),
        ({"n_layer": 3}, ["has no array 'transformer.h.2."]),
        ({"n_layer": 1}, ["has an unexpected array 'transformer.h.1."]),
    ],
)
def test_weights_of_another_configuration_are_refused(saved, changes, parts):
    _, path = saved
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, **changes}))
    refused(path, *parts)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "cannot read"),
        ("[]", "is not the configuration of a GPT"),
        ("{}", "is not the configuration of a GPT"),
        ('{"n_layer": 2}', "'model_type'"),
        ('{"model_type": "scratchgpt", "n_layer": 2}', "'n_head'"),
    ],
)
def test_a_damaged_configuration_is_refused(saved, text, part):
    _, path = saved
    (path / "config.json").write_text(text)
    refused(path, "config.json", part)


def test_values_out_of_range_in_a_configuration_are_refused(saved):
    _, path = saved
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "n_head": 5}))
    refused(path, "n_embd=6 is not divisible by n_head=5")
    (path / "config.json").write_text(json.dumps({**config, "activation_function": "swush"}))
    refused(path, "swush")


def test_an_old_model_survives_a_failed_save(saved, monkeypatch):
    model, path = saved
    before = (path / "model.safetensors").read_bytes()

    def full_disk(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full_disk)
    with pytest.raises(UserError, match="No space left on device"):
        save_pretrained(model, path)
    assert (path / "model.safetensors").read_bytes() == before
    assert {file.name for file in path.iterdir()} == {"config.json", "model.safetensors"}


def test_a_folder_that_cannot_be_created_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        save_pretrained(GPT(GPTConfig(**SIZES)), tmp_path / "file" / "model")


def test_saved_weights_have_the_permissions_of_the_umask(tmp_path):
    model = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=3, vocab_size=5))
    before = os.umask(0o022)
    try:
        save_pretrained(model, tmp_path / "model")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "model").iterdir()}
    assert modes == {0o644}
