"""RMSNorm as the norm of a residual stream, and as the norm of each query and key.

``tests/layers/conftest.py`` registers it for all suites of layers.
"""

import numpy as np
import pytest

from scratchgpt.layers import LayerNorm, QueryKey, RMSNorm
from scratchgpt.ops import residual_rms_norm_forward, rms_norm_backward, rms_norm_forward


def norm(*arguments, dtype=np.float64, **settings):
    layer = RMSNorm(*arguments, **settings).initialize(dtype=dtype)
    for parameter in layer.store.named.values():
        parameter.value[...] = 0.5 + np.arange(parameter.value.size)
    return layer


def test_it_starts_with_a_weight_of_ones_and_has_no_bias():
    layer = RMSNorm(5).initialize()
    assert list(layer.store.named) == ["weight"]
    assert (layer.weight.value == 1).all()
    assert layer.eps == 1e-6


def test_without_a_weight_it_has_no_parameters(rng):
    layer = RMSNorm(5, weight=False).initialize(dtype=np.float64)
    assert layer.weight is None
    assert layer.store.values.size == 0
    x, dy = rng.normal(size=(2, 3, 5))
    y, saved = layer.forward(x)
    np.testing.assert_array_equal(y, rms_norm_forward(x)[0])
    np.testing.assert_array_equal(layer.backward(dy, saved), rms_norm_backward(dy, saved)[0])


@pytest.mark.parametrize("weight", [True, False])
def test_the_forward_pass_of_a_sum_is_that_of_the_op(weight, rng):
    layer = norm(5, weight=weight, eps=0.2)
    x, branch = rng.normal(size=(2, 3, 5))
    expected, _ = residual_rms_norm_forward(x, branch, layer.weight and layer.weight.value, 0.2)
    y_out, n_out = np.empty((2, 3, 5))
    (y, n), saved = layer.forward_of_sum(x, branch, y_out=y_out, n_out=n_out)
    assert y is y_out
    assert n is n_out
    assert saved.x is y
    np.testing.assert_array_equal(y, expected[0])
    np.testing.assert_array_equal(n, expected[1])


def test_the_gradient_of_the_weight_is_added_to_earlier_ones(rng, assert_close):
    layer = norm(5)
    x, dy = rng.normal(size=(2, 3, 5))
    _, saved = layer.forward(x)
    _, dweight = rms_norm_backward(dy, saved)
    layer.backward(dy, saved)
    layer.backward(dy, saved)
    assert_close(layer.weight.grad, 2 * dweight, 1e-15)


def test_both_norms_add_the_residual_gradient_and_write_to_dx_out(rng, assert_close):
    for layer in (norm(5), LayerNorm(5).initialize(dtype=np.float64)):
        x, dy, around = rng.normal(size=(3, 4, 5))
        _, saved = layer.forward(x)
        alone = layer.backward(dy, saved)
        dx_out = np.full_like(x, np.nan)
        dx = layer.backward(dy, saved, residual_gradient=around, dx_out=dx_out)
        assert dx is dx_out
        assert_close(dx, alone + around, 1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_the_norms_of_queries_and_keys_write_over_their_upstream_gradients(
    dtype, rng, assert_close
):
    """All are views (B, H, T, D) of arrays (B, T, H D), as in self-attention."""
    x, dy = rng.standard_normal((2, 2, 5, 3, 4)).astype(dtype).swapaxes(2, 3)
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    for which in ("q", "k"):
        layer = QueryKey(4, eps=0.1).initialize(dtype=dtype)
        own, other = (layer.q_norm, layer.k_norm) if which == "q" else (layer.k_norm, layer.q_norm)
        own.weight.value[...] = [0.5, 2, -1, 3]
        y, saved = layer.forward(x, which, None)
        expected_y, norm_saved = rms_norm_forward(x.copy(), own.weight.value, 0.1)
        expected, dweight = rms_norm_backward(dy.copy(), norm_saved)
        gradient = dy.copy("K")
        dx = layer.backward(gradient, which, saved, dx_out=gradient)
        assert dx is gradient
        assert_close(y, expected_y, tolerance)
        assert_close(dx, expected, tolerance)
        assert_close(own.weight.grad, dweight, tolerance)
        assert not other.weight.grad.any()
