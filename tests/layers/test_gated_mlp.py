"""The gated feed-forward network; its gradients are checked in the suites of all layers."""

import numpy as np
import pytest

from scratchgpt.layers import MLP, GatedMLP
from scratchgpt.memory import Arena, nbytes
from scratchgpt.recomputed import NotKeptError

N_EMBD, N_INNER = 6, 10
X = np.random.default_rng(0).standard_normal((2, 3, N_EMBD))


@pytest.fixture
def layer():
    made = GatedMLP(N_EMBD, N_INNER, activation="silu", bias=True, proj_std=0.5, std=0.5)
    return made.initialize(seed=1, dtype=np.float64)


def test_the_first_half_of_the_wide_map_is_the_gate(layer, assert_close):
    w, b = layer.c_fc.weight.value, layer.c_fc.bias.value
    assert w.shape == (N_EMBD, 2 * N_INNER)
    b[...] = np.random.default_rng(1).standard_normal(b.shape)
    gate, up = X @ w[:, :N_INNER] + b[:N_INNER], X @ w[:, N_INNER:] + b[N_INNER:]
    expected = (gate / (1 + np.exp(-gate)) * up) @ layer.c_proj.weight.value
    assert_close(layer.forward(X)[0], expected, 1e-14)
    np.testing.assert_array_equal(layer.extend(X), layer.forward(X)[0])


def test_gates_that_are_closed_silence_the_network(layer):
    layer.c_fc.weight.value[:, :N_INNER] = 0
    np.testing.assert_array_equal(layer.forward(X)[0], np.zeros(X.shape))


def test_with_two_thirds_of_the_width_it_has_as_many_weights_as_an_mlp():
    gated = GatedMLP(6, 16, activation="silu", bias=False, proj_std=0.02).initialize()
    plain = MLP(6, 24, activation="gelu", bias=False, proj_std=0.02).initialize()
    assert gated.store.values.size == plain.store.values.size == 3 * 6 * 16


def test_only_the_input_and_the_two_halves_are_saved(layer):
    _, saved = layer.forward(X)
    assert nbytes(saved, exclude=layer.store.values) == 8 * 2 * 3 * (N_EMBD + 2 * N_INNER)
    with pytest.raises(NotKeptError, match=r"the gated product.*GatedMLP\.backward"):
        layer.c_proj.backward(X, saved.c_proj)


def test_the_product_is_released_after_the_forward_pass(layer):
    arena = Arena(poison=True)
    with arena:
        y, saved = layer.forward(X)
        kept = y.nbytes + saved.product.x.nbytes
        assert arena.lent == 0
        assert kept <= arena.used < kept + 2 * 64


def test_with_its_input_restored_it_goes_backward(layer):
    y, saved = layer.forward(X)
    expected = layer.backward(y, saved)
    other = saved.with_input(X.copy())
    assert other.c_fc.x is not saved.c_fc.x
    np.testing.assert_array_equal(layer.backward(y, other), expected)
