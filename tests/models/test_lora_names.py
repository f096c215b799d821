import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import GPTConfig, GPTRewardConfig
from scratchgpt.models.families import form_of
from scratchgpt.models.lora_names import find_maps, linear_maps, names_for

GPT2 = GPTConfig(n_layer=2, n_head=2, n_embd=8, n_inner=10)
SIZES = {"n_layer": 2, "n_head": 4, "n_embd": 8, "n_inner": 10, "n_kv_head": 2, "head_dim": 6}
LLAMA = GPTConfig(**{**form_of("llama"), **SIZES})


def test_gpt_2_has_fused_maps():
    names = [one.name for one in linear_maps(GPT2)]
    assert len(names) == 8
    assert names[0] == "transformer.h.0.attn.c_attn"
    assert {one.columns for one in find_maps(GPT2, ("c_attn",))} == {(0, 24)}
    assert {one.columns for one in find_maps(GPT2, ("c_fc",))} == {(0, 10)}


def test_llama_has_a_map_for_each_part():
    maps = {one.name: one for one in linear_maps(LLAMA)}
    assert len(maps) == 14
    parts = {"q": (0, 24), "k": (24, 36), "v": (36, 48)}
    for part, columns in parts.items():
        one = maps[f"model.layers.1.self_attn.{part}_proj"]
        assert (one.layer, one.columns) == ("h.1.attn.c_attn", columns)
    assert maps["model.layers.0.mlp.up_proj"][1:] == ("h.0.mlp.c_fc", (10, 20))
    assert maps["model.layers.0.mlp.gate_proj"].columns == (0, 10)
    assert maps["model.layers.0.self_attn.o_proj"][1:] == ("h.0.attn.c_proj", (0, 8))
    assert maps["model.layers.0.mlp.down_proj"][1:] == ("h.0.mlp.c_proj", (0, 8))


def test_a_model_of_no_family_has_our_names():
    config = GPTConfig(**{**form_of("llama"), **SIZES, "attention_soft_cap": 3.0})
    assert [one.columns for one in find_maps(config, ("0.mlp.c_fc",))] == [(0, 20)]
    assert [one.columns for one in find_maps(config, ("0.attn.c_attn",))] == [(0, 48)]


def test_a_model_with_another_head_has_the_names_of_its_body():
    config = GPTRewardConfig(**{**form_of("qwen2"), **SIZES})
    assert linear_maps(config) == linear_maps(LLAMA)


def test_nanochat_has_its_own_names():
    names = {one.name for one in linear_maps(GPTConfig(**{**form_of("nanochat"), **SIZES}))}
    assert "model.layers.1.mlp.fc2" in names
    assert "model.layers.0.self_attn.k_proj" in names


def test_a_target_is_a_name_or_its_end():
    assert len(find_maps(GPT2, ("c_proj",))) == 4
    assert [one.layer for one in find_maps(GPT2, ("1.attn.c_proj",))] == ["h.1.attn.c_proj"]
    assert len(find_maps(GPT2, ("transformer.h.0.mlp.c_fc", "c_attn"))) == 3
    assert find_maps(GPT2, ("all-linear",)) == linear_maps(GPT2)
    with pytest.raises(UserError, match=r"'proj' is not a linear map .*; choose from c_attn"):
        find_maps(GPT2, ("proj",))


def test_names_are_short_if_they_select_the_same_maps():
    attention = {one.name for one in find_maps(GPT2, ("attn.c_proj",))}
    assert names_for(GPT2, attention) == tuple(sorted(attention))  # c_proj is in the MLP, too
    both = {one.name for one in find_maps(GPT2, ("c_proj", "c_attn"))}
    assert names_for(GPT2, both) == ("c_attn", "c_proj")
