import numpy as np
import pytest

from scratchgpt.layers import Head, Layer, LayerNorm, Linear, Parameter, ParameterStore
from scratchgpt.layers.parameters import normal, ones, zeros


class Pair(Layer):
    """Two layers, a list of layers, and a parameter that two of them share."""

    def __init__(self) -> None:
        self.ln = LayerNorm(3)
        self.maps = [Linear(3, 5), Linear(5, 2, bias=False)]
        self.head = Head(self.maps[0].weight)


NAMES = ["ln.weight", "ln.bias", "maps.0.weight", "maps.0.bias", "maps.1.weight"]


def test_parameters_are_named_by_their_path_and_a_shared_one_counts_once():
    layer = Pair().initialize()
    assert list(layer.store.named) == NAMES
    assert layer.store.size == 3 + 3 + 15 + 5 + 10
    assert [name for name, _ in layer.named_parameters()] == NAMES


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_all_parameters_are_aligned_views_of_one_array(dtype):
    store = Pair().initialize(dtype=dtype).store
    for flat, attribute in ((store.values, "value"), (store.grads, "grad")):
        assert flat.dtype == dtype
        for parameter in store.named.values():
            view = getattr(parameter, attribute)
            assert np.shares_memory(view, flat)
            assert view.ctypes.data % 64 == 0
    store.values[...] = 7
    assert all((parameter.value == 7).all() for parameter in store.named.values())


def test_no_two_parameters_overlap():
    store = Pair().initialize().store
    for i, parameter in enumerate(store.named.values()):
        parameter.value[...] = i
    for i, parameter in enumerate(store.named.values()):
        assert (parameter.value == i).all()


def test_matrices_come_first_so_that_decay_is_one_slice():
    store = Pair().initialize().store
    store.values[: store.n_decay] = 1
    store.values[store.n_decay :] = 2
    for parameter in store.named.values():
        assert parameter.decays == (len(parameter.shape) == 2)
        assert (parameter.value == (1 if parameter.decays else 2)).all()


def test_views_of_another_flat_array_have_the_same_layout():
    store = Pair().initialize().store
    moments = np.arange(store.values.size, dtype=np.float32)
    store.values[...] = moments
    for name, view in store.value_views(moments).items():
        np.testing.assert_array_equal(view, store.named[name].value)


def test_the_gaps_between_parameters_stay_zero():
    store = Pair().initialize(seed=3).store
    used = np.zeros(store.values.size, bool)
    for view in store.value_views(used).values():
        view[...] = True
    assert used.sum() == store.size < used.size
    assert (store.values[~used] == 0).all()
    assert (store.grads == 0).all()


def test_zero_grad_resets_the_gradients():
    store = Pair().initialize().store
    store.grads[...] = 3
    store.zero_grad()
    assert (store.grads == 0).all()


def test_gradients_before_zero_grad_are_never_read(rng):
    """Neither the first layer that adds a gradient nor a reader sees it; the second layer adds."""
    pair = Pair().initialize()
    x = rng.standard_normal((4, 3)).astype(np.float32)
    dy = rng.standard_normal((4, 5)).astype(np.float32)
    dlogits = rng.standard_normal((4, 3)).astype(np.float32)
    linear, head = pair.maps[0], pair.head  # both use the same weight
    _, saved = linear.forward(x)
    _, head_saved = head.forward(dy)
    linear.backward(dy, saved)
    once = pair.store.grads.copy()
    head.backward(dlogits, head_saved)
    both = pair.store.grads.copy()
    assert once.any()
    assert (both != once).any()

    for runs, expected in (("l", once), ("lh", both), ("hl", both), ("", 0 * once)):
        pair.store.grads[...] = np.nan
        pair.store.zero_grad()
        for run in runs:
            if run == "l":
                linear.backward(dy, saved)
            else:
                head.backward(dlogits, head_saved)
        # The order of the sum shows where the two gradients nearly cancel.
        np.testing.assert_allclose(pair.store.grads, expected, rtol=1e-6, atol=1e-6)


def test_a_cleared_accumulator_is_empty_only_once():
    store = Pair().initialize().store
    parameter = store.named["maps.1.weight"]
    assert parameter.accumulator.take()[1]  # initially, it holds zeros
    store.zero_grad()
    grad, holds_sum = parameter.accumulator.take()
    assert not holds_sum
    grad[...] = 2
    assert parameter.accumulator.take()[1]
    assert (parameter.grad == 2).all()
    parameter.accumulator.clear()
    parameter.grad = np.ones((5, 2), np.float32)
    assert (parameter.grad == 1).all()


def test_the_seed_determines_the_values_and_each_parameter_has_its_own_stream():
    first, again, other = (Pair().initialize(seed=s).store for s in (1, 1, 2))
    np.testing.assert_array_equal(first.values, again.values)
    assert (first.named["maps.0.weight"].value != other.named["maps.0.weight"].value).all()
    a, b = first.named["maps.0.weight"].value, first.named["maps.1.weight"].value
    assert (a.reshape(-1)[:10] != b.reshape(-1)).all()


def test_without_a_seed_all_is_zero():
    store = Pair().initialize(seed=None).store
    assert store.size
    assert not store.values.any()


def test_initializers_do_what_their_names_say():
    rng = np.random.default_rng(0)
    value = np.empty(20_000, np.float32)
    normal(0.5)(value, rng)
    assert abs(value.std() - 0.5) < 0.01
    assert abs(value.mean()) < 0.02
    value = value.astype(np.float64)
    normal(0.25)(value, rng)
    assert abs(value.std() - 0.25) < 0.005
    ones(value, rng)
    assert (value == 1).all()
    zeros(value, rng)
    assert (value == 0).all()


def test_layer_norms_start_at_the_identity_and_linear_maps_with_two_hundredths():
    norm, linear = LayerNorm(4).initialize(), Linear(200, 300).initialize()
    np.testing.assert_array_equal(norm.weight.value, np.ones(4))
    np.testing.assert_array_equal(norm.bias.value, np.zeros(4))
    np.testing.assert_array_equal(linear.bias.value, np.zeros(300))
    assert abs(linear.weight.value.std() - 0.02) < 0.0005


def test_integer_parameters_are_refused():
    with pytest.raises(TypeError, match="parameters must be floating point, got int64"):
        ParameterStore({"a": Parameter((2,), zeros)}, np.int64)
