"""Gradients of every layer in every form, for its inputs and its parameters."""

import numpy as np
import pytest

from scratchgpt.verify import check_layer

pytestmark = pytest.mark.reference


@pytest.mark.parametrize("method", ["complex", "central", "adjoint"])
def test_backward_is_the_derivative(layer_case, method):
    layer, *inputs = layer_case.build()
    report = check_layer(
        layer,
        *inputs,
        settings=layer_case.settings,
        method=method,
        max_elements=12 if method == "central" else 100,
    )
    report.raise_if_failed()
    names = {row.name for row in report.inputs}
    assert set(layer.store.named) <= names
    assert ("x" in names) == (inputs[0].dtype.kind == "f")
    assert ("memory" in names) == (len(inputs) == 2)


def test_gradients_are_added_to_those_of_an_earlier_pass(layer_case, assert_close):
    layer, *inputs = layer_case.build()
    y, saved = layer.forward(*inputs, **layer_case.settings)
    dy = np.random.default_rng(0).standard_normal(y.shape)
    layer.backward(dy, saved)
    once = layer.store.grads.copy()
    layer.backward(dy, saved)
    assert_close(layer.store.grads, 2 * once, 1e-15)


def test_a_layer_used_twice_in_one_pass_has_the_sum_of_both_gradients(layer_case, assert_close):
    layer, *first = layer_case.build()
    other = [x[::-1].copy() if x.dtype.kind in "iu" else 0.5 - x for x in first]
    rng = np.random.default_rng(1)
    separate = np.zeros_like(layer.store.grads)
    upstream = []
    for inputs in (first, other):
        y, saved = layer.forward(*inputs, **layer_case.settings)
        upstream.append(rng.standard_normal(y.shape))
        layer.store.zero_grad()
        layer.backward(upstream[-1], saved)
        separate += layer.store.grads

    layer.store.zero_grad()
    _, saved_1 = layer.forward(*first, **layer_case.settings)
    _, saved_2 = layer.forward(*other, **layer_case.settings)  # before the first backward
    layer.backward(upstream[0], saved_1)
    layer.backward(upstream[1], saved_2)
    assert_close(layer.store.grads, separate, 1e-13)
