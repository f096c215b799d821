"""Low-rank adapters: what they add, where, and what they leave alone."""

import numpy as np
import pytest

from scratchgpt.accumulator import NOT_WANTED
from scratchgpt.layers import Linear, LoRALinear, LowRank
from scratchgpt.memory import nbytes
from scratchgpt.recomputed import NotKeptError


def adapted(columns=((0, 7),), **settings):
    """Return a linear layer (5, 7), and the same one with random adapters of rank 3."""
    plain = Linear(5, 7)
    layer = LoRALinear(plain, columns, 3, scale=0.7, **settings)
    layer.initialize(4, np.float64)
    rng = np.random.default_rng(8)
    for parameter in layer.store.named.values():
        parameter.value[...] = rng.standard_normal(parameter.shape)
    return plain, layer, rng.standard_normal((2, 4, 5))


def test_a_new_adapter_changes_nothing():
    layer = LoRALinear(Linear(5, 7), [(0, 7)], 3).initialize(4, np.float64)
    x = np.random.default_rng(1).standard_normal((4, 5))
    expected = x @ layer.weight.value
    np.testing.assert_allclose(layer.forward(x)[0], expected, rtol=1e-14)
    assert layer.adapters[0].lora_A.value.all()
    assert not layer.adapters[0].lora_B.value.any()


def test_a_is_uniform_as_in_peft():
    a = LowRank(400, 3, 500).initialize(2, np.float64).lora_A.value
    bound = 1 / np.sqrt(400)
    assert 0.999 * bound < np.abs(a).max() <= bound
    np.testing.assert_allclose(a.std(), bound / np.sqrt(3), rtol=0.01)


def test_an_adapter_adds_to_its_columns_only(assert_close):
    plain, layer, x = adapted([(1, 3), (4, 6)])
    change = layer.forward(x)[0] - plain.forward(x)[0]
    expected = np.zeros((2, 4, 7))
    for adapter, (start, stop) in zip(layer.adapters, [(1, 3), (4, 6)], strict=True):
        expected[..., start:stop] = 0.7 * x @ adapter.lora_A.value @ adapter.lora_B.value
    assert_close(change, expected, 1e-13)


def test_a_merged_layer_computes_the_same(assert_close):
    _, layer, x = adapted([(1, 3), (3, 7)], dropout=0.3)
    expected = layer.forward(x)[0]
    merged = layer.merged()
    assert type(merged) is Linear
    assert merged.weight is layer.weight
    assert merged.bias is layer.bias
    assert_close(merged.forward(x)[0], expected, 1e-13)


def test_adapters_and_layers_of_other_names_drop_other_elements():
    _, layer, x = adapted([(0, 4), (4, 7)], dropout=0.5, name="c_attn")
    _, other, _ = adapted([(0, 4), (4, 7)], dropout=0.5, name="c_proj")
    seeds = [part.drop.seed for one in (layer, other) for part in one.forward(x, 5)[1].adapters]
    assert len(set(seeds)) == 4


def test_a_frozen_base_gets_no_gradient_and_the_adapters_do():
    _, layer, x = adapted()
    layer.store.freeze({"weight", "bias"})
    y, saved = layer.forward(x)
    layer.backward(np.ones_like(y), saved)
    assert layer.weight.accumulator is NOT_WANTED
    assert set(layer.store.trained) == {"adapters.0.lora_A", "adapters.0.lora_B"}
    assert layer.adapters[0].lora_A.grad.all()
    assert layer.adapters[0].lora_B.grad.all()


def test_only_the_input_and_the_rank_columns_are_saved():
    _, layer, x = adapted([(1, 3), (3, 7)])
    _, saved = layer.forward(x)
    own = nbytes(saved, exclude=[layer.store.values])
    assert own == x.nbytes + 2 * 8 * 3 * 8  # two adapters, eight rows, rank 3, float64


def test_the_input_may_be_overwritten_by_its_gradient(assert_close):
    _, layer, x = adapted(dropout=0.3)
    y, saved = layer.forward(x, 5)
    dy = np.random.default_rng(2).standard_normal(y.shape)
    expected = layer.backward(dy, saved)
    copy = x.copy()
    again = saved._replace(x=copy)
    assert layer.backward(dy, again, dx_out=copy) is copy
    assert_close(copy, expected, 1e-14)


def test_a_backward_without_the_input_names_who_recomputes_it():
    _, layer, x = adapted()
    y, saved = layer.forward(x)
    with pytest.raises(NotKeptError, match=r"LoRALinear\.backward"):
        layer.adapters[0].backward(y, saved.adapters[0])
