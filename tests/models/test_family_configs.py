"""Configurations of the families: what is read, refused by name, and written."""

import json

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig, load_pretrained
from scratchgpt.models.families import FAMILIES, form_of, obstacle, read_family, write_family
from scratchgpt.models.families.fields import Dropouts
from scratchgpt.proofs.forms import FAMILY_FORMS

YARN = {"rope_type": "yarn", "factor": 2.5, "original_max_position_embeddings": 22}
SLIDING = {"use_sliding_window": True, "sliding_window": 4}
each_family = pytest.mark.parametrize("family", FAMILY_FORMS)


@pytest.mark.parametrize(
    ("family", "changes", "parts"),
    [
        ("llama", {"rope_parameters": {"rope_type": "dynamic"}}, ["'dynamic'", "linear, llama3"]),
        ("llama", {"rope_scaling": {"type": "longrope"}}, ["'longrope'", "linear, llama3"]),
        ("llama", {"rope_scaling": {"type": "linear"}}, ["'linear' needs factor"]),
        (
            "qwen3",
            {"rope_scaling": {**YARN, "mscale": 0.7}},
            ["unknown field 'mscale' with the value 0.7"],
        ),
        (
            "qwen3",
            {"rope_parameters": {"full_attention": {"rope_theta": 3.0}}},
            ["rope_parameters={'full_attention'", "same frequencies in all layers"],
        ),
        ("llama", {"partial_rotary_factor": 0.5}, ["partial_rotary_factor=0.5"]),
        (
            "llama",
            {"rope_parameters": {"partial_rotary_factor": 0.5}},
            ["rope_parameters: partial_rotary_factor=0.5"],
        ),
        ("llama", {"pretraining_tp": 2}, ["pretraining_tp=2"]),
        ("llama", {"num_local_experts": 8}, ["num_local_experts=8"]),
        ("qwen3", {"num_experts": 128}, ["num_experts=128"]),
        ("mistral", {"quantization_config": {"bits": 4}}, ["quantization_config="]),
        ("qwen2", {"hidden_act": "relu2"}, ["hidden_act='relu2'", "silu"]),
        ("llama", {"attention_dropout": 0.1}, ["attention_dropout=0.1", "differ", "dropout="]),
        ("llama", {"attention_bias": 3}, ["qkv_bias=3 must be true or false"]),
        (
            "qwen2",
            {**SLIDING, "layer_types": ["linear_attention"] * 3},
            ["'linear_attention'", "full_attention"],
        ),
        ("qwen2", {**SLIDING, "layer_types": ["full_attention"] * 2}, ["for each of the 3 layers"]),
        (
            "qwen3",
            {"architectures": ["Qwen3ForSequenceClassification"]},
            ["'Qwen3ForSequenceClassification'", "Qwen3ForCausalLM"],
        ),
        ("llama", {"num_key_value_heads": 4}, ["n_kv_head=4 does not divide n_head=6"]),
        ("llama", {"rope_theta": 0.5, "rope_parameters": None}, ["rope_theta=0.5"]),
        ("nanochat", {"final_logit_softcapping": -1.0}, ["logit_soft_cap=-1.0"]),
        ("nanochat", {"head_dim": 7}, ["a head has 7"]),
        ("llama", {"is_causal": False}, ["is_causal=False"]),
        ("qwen2", {"is_causal": None}, ["is_causal=None"]),
        ("mistral", {"layer_types": ["full_attention"]}, ["for each of the 3 layers"]),
        ("mistral", {"layer_types": ["chunked_attention"] * 3}, ["'chunked_attention'"]),
        ("llama", {"transformers_weights": "other.safetensors"}, ["transformers_weights='other"]),
    ],
)
def test_unsupported_fields_are_refused_by_name(family, changes, parts):
    sizes = {"num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2}
    sizes |= {"hidden_size": 36, "max_position_embeddings": 56, "head_dim": 6}
    values = {"model_type": family, **sizes}
    read_family(values)
    with pytest.raises(UserError) as caught:
        read_family({**values, **changes})
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize("family", FAMILIES)
def test_missing_fields_have_the_defaults_of_transformers(transformers, family):
    row = FAMILIES[family]
    theirs = type(transformers.AutoConfig.for_model(family))
    ours_only = {
        name for field in row.fields if isinstance(field, Dropouts) for name in field.ours_only
    }
    for name, value in row.defaults.items():
        if name not in ours_only:
            assert getattr(theirs, name, None) == value, name
    config = read_family({"model_type": family})
    assert config.n_layer == theirs.num_hidden_layers if family in FAMILY_FORMS else theirs.n_layer
    assert config.effective() == read_family({"model_type": family, "use_cache": 3}).effective()


@pytest.mark.parametrize("is_first", [True, False])
def test_another_name_of_a_field_wins_wherever_it_stands(transformers, is_first):
    names = [("num_attention_heads", 3), ("n_head", 6)]
    values = dict(names if is_first else names[::-1])
    assert transformers.GPT2Config(**values).n_head == 3
    assert read_family({"model_type": "gpt2", **values}).n_head == 3


@pytest.mark.parametrize(("truncate", "expected"), [(None, False), (False, False), (True, True)])
def test_a_null_for_the_rounding_of_yarn_is_false(truncate, expected):
    rope = {**YARN, "truncate": truncate}
    config = read_family({"model_type": "llama", "rope_parameters": rope})
    assert config.rope_scaling["truncate"] is expected
    assert "truncate" not in read_family({"model_type": "llama", "rope_scaling": YARN}).rope_scaling


def test_a_null_in_other_frequencies_changes_nothing():
    rope = {"rope_type": "linear", "factor": 2.0, "truncate": None}
    assert read_family({"model_type": "llama", "rope_parameters": rope}).rope_scaling == {
        "rope_type": "linear",
        "factor": 2.0,
    }


def test_a_number_of_layers_that_no_model_has_takes_no_memory():
    values = {"model_type": "qwen2", "use_sliding_window": True, "num_hidden_layers": 1 << 30}
    with pytest.raises(UserError, match="for each of the 1073741824 layers"):
        read_family(values)


@each_family
def test_what_is_written_is_read_as_the_same(family):
    sizes = {"n_layer": 2, "n_head": 4, "n_kv_head": 2, "n_embd": 20, "head_dim": 6, "n_inner": 9}
    config = GPTConfig(**{**form_of(family), **sizes}, block_size=70, dropout=0.2)
    assert obstacle(config) is None
    values = json.loads(json.dumps(write_family(config)))
    assert values["model_type"] == family
    assert read_family(values).effective() == config.effective()
    assert values["attention_dropout"] == values["resid_pdrop"] == 0.2


def llama(**changes):
    return GPTConfig(**{**form_of("llama"), "n_head": 4, "n_embd": 24, **changes})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rope_pairing": "neighbors"}, "rope_pairing='neighbors'"),
        ({"rope_reversed": True}, "rope_reversed=True"),
        ({"attention_soft_cap": 3.0}, "attention_soft_cap=3.0"),
        ({"scale_attn_weights": False}, "scale_attn_weights=False"),
        ({"norm_position": "post"}, "norm_position='post'"),
        ({"embedding_norm": True}, "embedding_norm=True"),
        ({"norm": "layer"}, "norm='layer'"),
        ({"mlp_bias": True, "sliding_window": 3}, "sliding_window=3"),
    ],
)
def test_the_setting_that_no_family_has_is_named(changes, reason):
    assert obstacle(llama(**changes)) == reason


def test_heads_that_do_not_divide_the_channels_are_not_written_as_a_llama(
    torch, transformers, tmp_path
):
    """transformers refuses such a Llama; a Mistral without a window is the same model."""
    config = llama(n_embd=26, head_dim=8, n_layer=1, n_inner=9, block_size=16, vocab_size=11)
    assert obstacle(config) is None
    GPT(config, seed=3).save_pretrained(tmp_path)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(again).__name__ == "MistralForCausalLM"
    tokens = np.arange(10)[None]
    expected = again(torch.tensor(tokens)).logits.detach().numpy()
    np.testing.assert_allclose(load_pretrained(tmp_path).forward(tokens)[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("nanochat", {"logit_soft_cap": 15, "layer_norm_epsilon": 1}),
        ("llama", {"layer_norm_epsilon": 1}),
        ("gpt2", {"layer_norm_epsilon": 1}),
    ],
)
def test_whole_numbers_are_written_as_transformers_reads_them(transformers, family, changes):
    values = write_family(GPTConfig(**{**form_of(family), **changes}))
    assert values["model_type"] == family
    read = transformers.AutoConfig.for_model(**values)
    for name in ("final_logit_softcapping", "rms_norm_eps", "layer_norm_epsilon"):
        if name in values:
            assert isinstance(values[name], float)
            assert getattr(read, name) == values[name]


def test_a_form_of_no_family_comes_back_as_ours(tmp_path):
    config = llama(
        n_layer=2,
        rope_pairing="neighbors",
        rope_scaling={"rope_type": "linear", "factor": np.float32(2)},
        sliding_window=3,
        window_layers=[True, np.False_],
        logit_soft_cap=np.float64(7),
        activation="silu",
    )
    model = GPT(config, seed=3)
    model.save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    assert values["model_type"] == "scratchgpt"
    again = load_pretrained(tmp_path)
    assert again.config == config
    np.testing.assert_array_equal(again.store.values, model.store.values)
    del values["rope_pairing"], values["logit_soft_cap"]
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert load_pretrained(tmp_path).config == config.replace(
        rope_pairing="halves", logit_soft_cap=None
    )


@pytest.mark.parametrize(
    "field", [{"max_window_layers": None}, {"layer_types": 3}, {"max_window_layers": "2"}], ids=str
)
def test_window_layers_of_a_wrong_type_are_refused_by_name(field):
    values = {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 4, **field}
    with pytest.raises(UserError, match=next(iter(field))):
        read_family(values)
