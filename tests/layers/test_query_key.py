"""Norm and rotation of queries and keys, alone and on views of the buffer of an attention."""

import numpy as np
import pytest

from scratchgpt.layers import Layer, QueryKey, Rotary
from scratchgpt.memory import Arena, empty
from scratchgpt.ops import rms_norm_forward, rotary_forward
from scratchgpt.verify import check_layer

N_BATCH, N_HEAD, N_TIME, D = 2, 3, 5, 8
ROTATION = Rotary(D, theta=20.0).at(np.arange(N_TIME), like=np.empty(0))
FORMS = {
    "nothing": ({}, None),
    "rotated": ({}, ROTATION),
    "normalized": ({"head_size": D}, None),
    "normalized, then rotated": ({"head_size": D, "eps": 0.1}, ROTATION),
    "rotated, then normalized": ({"head_size": D, "rotate_first": True}, ROTATION),
    "normalized without weight, then rotated": ({"head_size": D, "weight": False}, ROTATION),
}
each_form = pytest.mark.parametrize(("form", "rotation"), FORMS.values(), ids=FORMS)


class Both(Layer):
    """Queries and keys that are views of one buffer (B, T, 2, H, D), as in an attention."""

    def __init__(self, **form):
        self.query_key = QueryKey(**form)

    def forward(self, x, rotation):
        buffer = empty(x.shape, like=x)
        buffer[...] = x
        q, k = buffer.transpose(2, 0, 3, 1, 4)
        q, q_saved = self.query_key.forward(q, "q", rotation)
        k, k_saved = self.query_key.forward(k, "k", rotation)
        y = empty((2, *q.shape), like=x)
        y[0], y[1] = q, k
        return y, (q_saved, k_saved)

    def backward(self, dy, saved):
        dx = empty((N_BATCH, N_TIME, 2, N_HEAD, D), like=dy)
        dq, dk = dx.transpose(2, 0, 3, 1, 4)
        dq[...], dk[...] = dy
        for which, part, part_saved in zip("qk", (dq, dk), saved, strict=True):
            assert self.query_key.backward(part, which, part_saved, dx_out=part) is part
        return dx


def layer_and_input(form, rng):
    layer = Both(**form).initialize(dtype=np.float64)
    for parameter in layer.store.named.values():
        parameter.value[...] = 0.3 + np.abs(rng.standard_normal(parameter.shape))
    return layer, rng.standard_normal((N_BATCH, N_TIME, 2, N_HEAD, D))


@each_form
@pytest.mark.parametrize("method", ["complex", "central", "adjoint"])
def test_backward_is_the_derivative(form, rotation, method, rng):
    layer, x = layer_and_input(form, rng)
    settings = {"rotation": rotation}
    check_layer(layer, x, settings=settings, method=method, max_elements=60).raise_if_failed()


@each_form
def test_an_arena_changes_nothing(form, rotation, rng):
    """Outputs overwrite inputs, and no released memory is read, which is NaN in this arena."""
    layer, x = layer_and_input(form, rng)
    dy = rng.standard_normal((2, N_BATCH, N_HEAD, N_TIME, D))

    def run():
        y, saved = layer.forward(x, rotation)
        layer.store.zero_grad()
        return y.copy(), layer.backward(dy, saved).copy(), layer.store.grads.copy()

    expected, arena = run(), Arena(poison=True)
    for _ in range(3):
        with arena:
            for actual, array in zip(run(), expected, strict=True):
                np.testing.assert_array_equal(actual, array)


def test_the_order_of_norm_and_rotation_is_a_choice(rng, assert_close):
    x = rng.standard_normal((N_BATCH, N_HEAD, N_TIME, D))
    weight = 0.3 + np.abs(rng.standard_normal(D))

    def placed(**form):
        layer = QueryKey(D, eps=0.1, **form).initialize(dtype=np.float64)
        layer.k_norm.weight.value[...] = weight
        return layer.forward(x.copy(), "k", ROTATION)[0]

    normed, _ = rms_norm_forward(x, weight, 0.1)
    before, _ = rotary_forward(normed, *ROTATION)
    rotated, _ = rotary_forward(x, *ROTATION)
    after, _ = rms_norm_forward(rotated, weight, 0.1)
    assert_close(placed(), before, 1e-14)
    assert_close(placed(rotate_first=True), after, 1e-14)
    assert np.abs(before - after).max() > 0.1


def test_queries_and_keys_have_their_own_norm(rng, assert_close):
    layer = QueryKey(D).initialize(dtype=np.float64)
    assert sorted(layer.store.named) == ["k_norm.weight", "q_norm.weight"]
    layer.q_norm.weight.value[...] = 2
    x = rng.standard_normal((N_BATCH, N_HEAD, N_TIME, D))
    q, _ = layer.forward(x, "q", None)
    k, _ = layer.forward(x, "k", None)
    assert_close(q, 2 * k, 1e-15)


def test_without_norm_and_rotation_nothing_is_done_or_saved(rng):
    layer = QueryKey().initialize(dtype=np.float64)
    assert not layer.store.named
    x = rng.standard_normal((N_BATCH, N_HEAD, N_TIME, D))
    before = x.copy()
    y, saved = layer.forward(x, "q", None)
    assert y is x
    assert saved == (None, None)
    dx = np.empty_like(x)
    assert layer.backward(y, "q", saved, dx_out=dx) is dx
    np.testing.assert_array_equal(dx, before)
    assert layer.backward(x, "q", saved, dx_out=x) is x


def test_without_a_norm_the_rotation_is_in_place(rng):
    layer = QueryKey().initialize(dtype=np.float64)
    x = rng.standard_normal((N_BATCH, N_HEAD, N_TIME, D))
    expected, _ = rotary_forward(x, *ROTATION)
    assert layer.forward(x, "k", ROTATION)[0] is x
    np.testing.assert_array_equal(x, expected)
