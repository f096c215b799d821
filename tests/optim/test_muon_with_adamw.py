import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.layers import CrossAttention, GatedMLP, SelfAttention
from scratchgpt.models import (
    GPT,
    GPTClassifier,
    GPTClassifierConfig,
    GPTConfig,
    GPTReward,
    Transformer,
    TransformerConfig,
)
from scratchgpt.optim import AdamW, Muon, MuonWithAdamW

SIZES = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 6, "vocab_size": 11}


@pytest.fixture
def make_gpt():
    def make(dtype=np.float64, **changes):
        model = GPT(GPTConfig(**SIZES).replace(**changes), dtype=dtype)
        model.store.grads[...] = np.random.default_rng(0).standard_normal(model.store.grads.size)
        return model

    return make


def hidden(model):
    return {name: p.columns for name, p in model.named_parameters() if p.columns}


def test_linear_maps_inside_a_gpt_are_muons_and_everything_else_is_adamws(make_gpt):
    maps = hidden(make_gpt(tied_head=False))
    block = {"attn.c_attn": (8, 8, 8), "attn.c_proj": (8,), "mlp.c_fc": (32,), "mlp.c_proj": (8,)}
    assert maps == {
        f"transformer.h.{i}.{name}.weight": columns
        for i in range(2)
        for name, columns in block.items()
    }


def test_layers_say_how_their_fused_matrices_are_divided():
    attention = SelfAttention(
        12, 4, dropout=0.0, bias=False, proj_std=None, n_kv_head=2, head_size=5
    )
    assert attention.c_attn.weight.columns == (20, 10, 10)
    mlp = GatedMLP(6, 9, activation="silu", bias=True, proj_std=None)
    assert (mlp.c_fc.weight.columns, mlp.c_proj.weight.columns) == ((9, 9), (6,))
    cross = CrossAttention(8, 2, dropout=0.0, bias=True, proj_std=None)
    assert (cross.c_q.weight.columns, cross.c_kv.weight.columns) == ((8,), (8, 8))
    assert cross.c_kv.bias.columns == ()


def test_outputs_of_other_models_are_adamws():
    classifier = GPTClassifier(GPTClassifierConfig(**SIZES, labels=("no", "yes")))
    translator = Transformer(
        TransformerConfig(
            n_encoder_layer=1, n_decoder_layer=1, n_head=2, n_embd=8, block_size=6, vocab_size=11
        )
    )
    for model in (classifier, translator, GPTReward(GPTConfig(**SIZES))):
        names = {name.split(".")[-2] for name in hidden(model)}
        assert names <= {"c_attn", "c_q", "c_kv", "c_proj", "c_fc"}
        assert len(names) >= 3


def test_each_parameter_moves_as_with_its_own_optimizer(make_gpt):
    store, for_muon, for_adamw = (make_gpt().store for _ in range(3))
    both = MuonWithAdamW(store, lr_ratio=20, momentum=0.9, weight_decay=0.1, betas=(0.9, 0.99))
    muon = Muon(for_muon, momentum=0.9, weight_decay=0.1)
    adamw = AdamW(for_adamw, weight_decay=0.1, betas=(0.9, 0.99))
    for lr in (0.01, 0.02):
        both.step(lr, grad_scale=0.5)
        muon.step(20 * lr, grad_scale=0.5)
        adamw.step(lr, grad_scale=0.5)
    for name, parameter in store.named.items():
        source = for_muon if parameter.columns else for_adamw
        np.testing.assert_array_equal(parameter.value, source.named[name].value, err_msg=name)
    assert both.n_steps == both.muon.n_steps == both.adamw.n_steps == 2
    both.n_steps = 7
    assert both.muon.n_steps == both.adamw.n_steps == 7


def test_muon_keeps_one_moment_and_adamw_two(make_gpt):
    store = make_gpt().store
    both = MuonWithAdamW(store, lr_ratio=20)
    n_hidden = sum(p.size for p in store.named.values() if p.columns)
    n_all = both.muon.momentum_buffer.size + both.adamw.exp_avg.size + both.adamw.exp_avg_sq.size
    assert n_all == 2 * store.grads.size - n_hidden
    moments = both.named_moments()
    expected = {f"{m}.{name}" for name in store.trained for m in both.moments_of(name)}
    assert moments.keys() == expected
    assert "momentum_buffer.transformer.h.0.attn.c_attn.weight" in moments
    assert "exp_avg_sq.transformer.wte.weight" in moments


@pytest.mark.parametrize("size", [2, 3, 20])
def test_the_updates_of_all_shards_are_the_whole_update(make_gpt, size):
    settings = {"lr_ratio": 20, "weight_decay": 0.1}
    frozen = {"transformer.wpe.weight", "transformer.h.0.mlp.c_fc.weight"}
    whole, divided = make_gpt().store, make_gpt().store
    for store in (whole, divided):
        store.freeze(frozen)
        store.grads[...] = np.random.default_rng(1).standard_normal(store.grads.size)
    one = MuonWithAdamW(whole, **settings)
    parts = [MuonWithAdamW(divided, **settings, rank=i, size=size) for i in range(size)]
    for _ in range(2):
        for optimizer in (one, *parts):
            optimizer.step(0.01)
    np.testing.assert_array_equal(divided.values, whole.values)
    moments = {name: x for part in parts for name, x in part.named_moments().items()}
    assert moments.keys() == one.named_moments().keys()
    for name, moment in one.named_moments().items():
        np.testing.assert_array_equal(moments[name], moment)
    sizes = [part.muon.momentum_buffer.size for part in parts]
    assert sum(sizes) == one.muon.momentum_buffer.size
    assert max(sizes) < 0.7 * one.muon.momentum_buffer.size


def test_it_says_which_parameters_go_where(make_gpt):
    muon, adamw, rates = MuonWithAdamW(make_gpt(bias=False).store, lr_ratio=20).describe()
    assert muon == (
        "Muon updates 12 matrices (1,536 numbers): transformer.h.*.attn.c_attn.weight (2 layers, "
        "3 matrices each), transformer.h.*.attn.c_proj.weight (2 layers), "
        "transformer.h.*.mlp.c_fc.weight (2 layers), transformer.h.*.mlp.c_proj.weight (2 layers)"
    )
    assert adamw == (
        "AdamW updates 7 other parameters (176 numbers): transformer.wte.weight, "
        "transformer.wpe.weight, transformer.h.*.ln_1.weight (2 layers), "
        "transformer.h.*.ln_2.weight (2 layers), transformer.ln_f.weight"
    )
    assert rates == "The learning rate shown is AdamW's; Muon's is 20 times as large"


def test_the_layers_that_are_trained_are_named_if_not_all_are(make_gpt):
    store = make_gpt(n_layer=3, bias=False).store
    kept = ("h.0.mlp.c_fc.weight", "h.2.mlp.c_fc.weight", "h.1.attn.c_attn.weight")
    store.freeze({name for name in store.named if not name.endswith(kept)})
    assert MuonWithAdamW(store, lr_ratio=20).describe()[0].partition(": ")[2] == (
        "transformer.h.*.mlp.c_fc.weight (layers 0, 2), "
        "transformer.h.1.attn.c_attn.weight (3 matrices)"
    )


def test_a_model_without_a_trained_linear_map_is_refused(make_gpt):
    store = make_gpt().store
    store.freeze({name for name in store.named if ".h." in name})
    with pytest.raises(UserError, match="optimizer='muon' has nothing to update"):
        MuonWithAdamW(store, lr_ratio=20)


def test_a_model_whose_other_parameters_are_frozen_trains_with_muon_alone(make_gpt):
    store = make_gpt().store
    store.freeze({name for name, p in store.named.items() if not p.columns})
    store.grads[...] = 1
    before = store.values.copy()
    both = MuonWithAdamW(store, lr_ratio=20)
    both.step(0.01)
    changed = store.value_views(store.values != before)
    assert {name for name, view in changed.items() if view.any()} == set(store.trained)
    assert not any("AdamW updates" in sentence for sentence in both.describe())
