"""GPTs with low-rank adapters: gradients, merging, what is trained and what is not."""

import numpy as np
import pytest

from scratchgpt.accumulator import NOT_WANTED
from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError
from scratchgpt.generation.token_step import TokenStep
from scratchgpt.layers import Linear, LoRALinear
from scratchgpt.memory import Arena
from scratchgpt.models import (
    GPT,
    GPTClassifier,
    GPTClassifierConfig,
    GPTConfig,
    LoRAConfig,
    QuantizedGPT,
    add_lora,
    merge_lora,
)
from scratchgpt.models.families import FAMILIES, form_of
from scratchgpt.models.lora import base_checksum, move_model, share_base
from scratchgpt.optim import AdamW
from scratchgpt.text import TokenBatch
from scratchgpt.training import NextToken
from scratchgpt.verify import check_model

SIZES = {"n_layer": 2, "n_head": 4, "n_embd": 8, "block_size": 7, "vocab_size": 13, "n_inner": 10}
GROUPS = {"n_kv_head": 2, "head_dim": 6}
FORMS = {
    "gpt2": {},
    **{name: {**form_of(name), **GROUPS} for name in FAMILIES if "gpt" not in name},
    "openai-gpt": {"norm_position": "post"},
}
LORA = LoRAConfig(rank=3, alpha=5, dropout=0.2)


def data():
    rng = random_stream(5, "tokens")
    return rng.integers(0, SIZES["vocab_size"], (2, 2, 5))


def randomize(model):
    for name, parameter in model.store.named.items():
        parameter.value[...] = 0.5 * random_stream(3, name).standard_normal(parameter.shape)
    return model


def plain(form, dtype=np.float64):
    return randomize(GPT(GPTConfig(**{**FORMS[form], **SIZES}), dtype=dtype))


@pytest.fixture(params=FORMS)
def form(request):
    return request.param


@pytest.fixture
def adapted(form):
    return randomize(add_lora(plain(form), LORA))


@pytest.mark.reference
@pytest.mark.parametrize("recompute", [False, True])
def test_backward_is_the_derivative(adapted, recompute):
    tokens, targets = data()
    settings = {"dropout_seed": 3, "recompute": recompute}
    report = check_model(adapted, tokens, targets, settings=settings, method="complex")
    report.raise_if_failed()
    assert {row.name for row in report.inputs} == set(adapted.store.named)
    assert max(row.error for row in report.inputs) < 1e-12


@pytest.mark.reference
def test_the_objective_passes_its_dropout_seed_to_the_adapters(adapted):
    tokens, targets = data()
    objective = NextToken(adapted)
    assert objective.drops, "the model has no dropout, but its adapters do"
    batch = TokenBatch(tokens, targets)
    losses = {objective.loss(batch, dropout_seed=seed)[0] for seed in (None, 1, 2)}
    assert len(losses) == 3
    check_model(objective, batch, settings={"dropout_seed": 3}).raise_if_failed()


def test_new_adapters_change_nothing(form):
    tokens, _ = data()
    model = plain(form)
    expected = model.forward(tokens)[0]
    values = model.store.values
    assert add_lora(model, LORA, seed=4) is model
    np.testing.assert_array_equal(model.forward(tokens)[0], expected)
    assert model.lora.base.values is values, "the parameters are not copied"


def test_merged_equals_apart(adapted, assert_close):
    tokens, _ = data()
    expected = adapted.forward(tokens)[0]
    values = adapted.lora.base.values
    merged = merge_lora(adapted)
    assert merged.lora is None
    assert merged.store.values is values
    assert not any(isinstance(layer, LoRALinear) for _, layer in merged.named_layers())
    assert_close(merged.forward(tokens)[0], expected, 1e-12)
    _loss, saved = merged.loss(*data())
    merged.loss_backward(1.0, saved)  # all parameters can be trained again
    assert all(parameter.grad.any() for parameter in merged.store.named.values())


def test_a_merged_model_is_saved_like_any_other(adapted, tmp_path, assert_close):
    tokens, _ = data()
    expected = adapted.forward(tokens)[0]
    with pytest.raises(UserError, match="the model has adapters; merge them with merge_lora, or"):
        adapted.save_pretrained(tmp_path)
    assert set(merge_lora(adapted).arrays()) == set(GPT(adapted.config).arrays())
    assert_close(adapted.forward(tokens)[0], expected, 1e-12)


def test_only_adapters_are_trained_and_the_rest_needs_no_memory(adapted):
    base = adapted.lora.base
    before = base.values.copy()
    tokens, targets = data()
    _loss, saved = adapted.loss(tokens, targets, dropout_seed=1)
    adapted.loss_backward(1.0, saved)
    for name, parameter in adapted.named_parameters():
        assert (parameter.accumulator is NOT_WANTED) == (".lora_" not in name), name
    assert base.grads.size == 0
    optimizer = AdamW(adapted.store)
    assert optimizer.exp_avg.size == adapted.store.grads.size < base.values.size
    own = adapted.store.values.copy()
    optimizer.step(1e-2)
    np.testing.assert_array_equal(base.values, before)
    assert all((value != 0).all() for value in adapted.arrays().values())
    assert (adapted.store.values != own).any()


def test_an_arena_changes_nothing(adapted):
    tokens, targets = data()

    def step():
        adapted.store.zero_grad()
        loss, saved = adapted.loss(tokens, targets, dropout_seed=2, recompute=True)
        adapted.loss_backward(1.0, saved)
        return float(loss), adapted.store.grads.copy()

    expected = step()
    arena = Arena(poison=True)
    for _ in range(3):
        with arena:
            loss, grads = step()
        assert loss == expected[0]
        np.testing.assert_array_equal(grads, expected[1])


@pytest.mark.parametrize("form", FORMS)
def test_loss_and_gradients_are_the_same_on_a_device(adapted, strict):
    """``strict`` stands for CuPy."""
    data_of_loss = data()

    def step():
        adapted.store.zero_grad()
        loss, saved = adapted.loss(*data_of_loss, dropout_seed=2)
        adapted.loss_backward(1.0, saved, in_place=True)
        return loss, adapted.store.grads

    loss, grads = step()
    expected = np.float64(loss), grads.copy()
    move_model(adapted, strict)
    assert isinstance(adapted.lora.base.values, strict.StrictArray)
    with strict.counting() as traffic:
        loss, grads = step()
    assert traffic.syncs == 0
    strict.assert_same(loss, expected[0])
    strict.assert_same(grads, expected[1])
    move_model(adapted, np)
    np.testing.assert_array_equal(step()[1], expected[1])


def test_copies_have_the_same_adapters(adapted):
    tokens, _ = data()
    copy = adapted.astype(np.float64)
    np.testing.assert_array_equal(copy.forward(tokens)[0], adapted.forward(tokens)[0])
    assert copy.lora.config == LORA
    assert not np.shares_memory(copy.store.values, adapted.store.values)
    assert adapted.astype(np.float32).lora.base.dtype == np.float32


def test_generation_uses_the_adapters(adapted, assert_close):
    tokens, _ = data()
    cache = adapted.new_cache(2)
    adapted.extend(tokens[:, :2], cache)
    last = adapted.extend(tokens[:, 2:], cache)
    assert_close(last, adapted.forward(tokens)[0][:, -1], 1e-12)


def test_the_compiled_step_of_generation_leaves_adapters_to_the_layers(form, assert_close):
    """It reads the weights of plain layers, so that it would ignore the adapters."""
    tokens, _ = data()
    model = randomize(add_lora(plain(form, np.float32), LORA))
    step, cache = TokenStep(model), model.new_cache(2)
    step.absorb(tokens[:, :3], cache, np.array([3, 3]))
    assert_close(step(tokens[:, 3], cache), model.forward(tokens[:, :4])[0][:, -1], 1e-4)


def test_the_base_is_shared_without_a_copy(form):
    tokens, _ = data()
    model = plain(form)
    expected = model.forward(tokens)[0]
    randomize(add_lora(model, LORA))
    base = share_base(model, GPT.blank(model.config, model.dtype))
    np.testing.assert_array_equal(base.forward(tokens)[0], expected)
    assert all(np.shares_memory(v, model.lora.base.values) for v in base.arrays().values())


def test_a_head_of_its_own_is_trained_with_the_adapters():
    config = GPTClassifierConfig(**SIZES, labels=("bad", "good"))
    model = randomize(GPTClassifier(config, dtype=np.float64))
    weight = model.classifier.weight.value.copy()
    add_lora(model, LORA)
    assert {"classifier.weight", "classifier.bias"} < set(model.store.named)
    np.testing.assert_array_equal(model.classifier.weight.value, weight)
    model.classifier.weight.value += 1
    merge_lora(model)
    np.testing.assert_array_equal(model.classifier.weight.value, weight + 1)
    assert model.store.named["classifier.weight"].value.base is not None
    model.store.values[...] = 0
    assert not model.classifier.weight.value.any(), "the head is part of the flat array again"


def test_the_checksum_is_that_of_the_base_alone(adapted):
    before = base_checksum(adapted)
    adapted.store.values += 1
    assert base_checksum(adapted) == before
    adapted.transformer.h[1].mlp.c_proj.weight.value[2, 3] += 1e-9
    assert base_checksum(adapted) != before


def test_targets_select_layers():
    model = add_lora(plain("llama"), LoRAConfig(rank=2, targets="q_proj,v_proj,1.mlp.up_proj"))
    n_in, rank = 8, 2
    block = model.transformer.h[1]
    assert type(block.attn.c_proj) is Linear
    assert type(model.transformer.h[0].mlp.c_fc) is Linear
    assert [(c.start, c.stop) for c in block.attn.c_attn.columns] == [(0, 24), (36, 48)]
    assert [(c.start, c.stop) for c in block.mlp.c_fc.columns] == [(10, 20)]
    assert model.store.size == 2 * rank * (2 * n_in + 24 + 12) + rank * (n_in + 10)


def test_the_two_matrices_are_random_streams_of_their_names():
    one, other = (add_lora(plain("gpt2"), LORA, seed=seed) for seed in (1, 1))
    np.testing.assert_array_equal(one.store.values, other.store.values)
    assert (add_lora(plain("gpt2"), LORA, seed=2).store.values != one.store.values).any()
    values = [v for n, v in one.arrays().items() if n.endswith("lora_A") and v.shape == (8, 3)]
    assert len({value.tobytes() for value in values}) == len(values)


def test_misuse_is_refused(adapted):
    with pytest.raises(UserError, match="the model has adapters already; merge them"):
        add_lora(adapted, LORA)
    with pytest.raises(UserError, match="no adapters to merge"):
        merge_lora(plain("gpt2"))


@pytest.mark.parametrize(
    "use",
    [lambda m: m.with_vocabulary(20), lambda m: m.with_biases(), QuantizedGPT],
    ids=["vocabulary", "biases", "int8"],
)
def test_what_needs_a_plain_model_says_so(use):
    config = GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=3, vocab_size=5, bias=False)
    with pytest.raises(UserError, match="merge them with merge_lora first"):
        use(add_lora(GPT(config), LoRAConfig(rank=2)))
