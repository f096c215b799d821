import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.ops import layer_norm_backward, layer_norm_forward


def test_rows_get_mean_zero_and_variance_one(rng):
    x = 3 + 5 * rng.normal(size=(4, 50))
    y, saved = layer_norm_forward(x, np.ones(50), eps=1e-12)
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-14)
    np.testing.assert_allclose(y.var(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(saved.mean[:, 0], x.mean(axis=-1), rtol=1e-14)
    np.testing.assert_allclose(saved.rstd[:, 0], 1 / x.std(axis=-1), rtol=1e-11)


def test_the_formula(rng):
    x, weight, bias = rng.normal(size=(2, 3, 7)), rng.normal(size=7), rng.normal(size=7)
    y, _ = layer_norm_forward(x, weight, bias, eps=0.25)
    centered = x - x.mean(axis=-1, keepdims=True)
    expected = weight * centered / np.sqrt(x.var(axis=-1, keepdims=True) + 0.25) + bias
    np.testing.assert_allclose(y, expected, rtol=1e-13)


def test_epsilon_defaults_to_one_in_a_hundred_thousand():
    y, _ = layer_norm_forward(np.array([[-0.003, 0.003]]), np.ones(2))
    np.testing.assert_allclose(y[0, 1], 0.003 / np.sqrt(9e-6 + 1e-5), rtol=1e-12)


@given(scale=st.floats(0.1, 100), shift=st.floats(-100, 100), seed=st.integers(0, 1000))
def test_it_is_invariant_to_scale_and_shift_of_its_input(scale, shift, seed):
    x = np.random.default_rng(seed).standard_normal((3, 9))
    weight, bias = x[0] + 2, x[1]
    y, _ = layer_norm_forward(x, weight, bias, eps=1e-13)
    moved, _ = layer_norm_forward(scale * x + shift, weight, bias, eps=1e-13)
    np.testing.assert_allclose(moved, y, rtol=1e-6, atol=1e-8)


def test_the_gradient_is_zero_in_directions_that_the_output_ignores(rng):
    """It is zero along the constant vector and, without epsilon, along the input itself."""
    x, dy = rng.normal(size=(4, 8)), rng.normal(size=(4, 8))
    _, saved = layer_norm_forward(x, rng.normal(size=8), eps=1e-30)
    dx, _, _ = layer_norm_backward(dy, saved)
    np.testing.assert_allclose(dx.sum(axis=-1), 0, atol=1e-13)
    np.testing.assert_allclose((dx * x).sum(axis=-1), 0, atol=1e-13)
    assert np.abs(dx).min() > 0


def test_a_batch_is_the_concatenation_of_its_rows(rng):
    x, weight = rng.normal(size=(5, 6)), rng.normal(size=6)
    y, _ = layer_norm_forward(x, weight)
    rows = [layer_norm_forward(row[None], weight)[0] for row in x]
    np.testing.assert_array_equal(y, np.concatenate(rows))


@pytest.mark.parametrize("value", [0.0, 1.0, -1e4, 1e-42])
def test_rows_of_equal_values_become_the_bias(value):
    x = np.full((2, 5), value, np.float32)
    bias = np.arange(5, dtype=np.float32)
    y, saved = layer_norm_forward(x, np.ones(5, np.float32), bias)
    np.testing.assert_array_equal(y, [bias, bias])
    gradients = layer_norm_backward(np.ones_like(y), saved)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_large_and_subnormal_inputs_stay_finite_in_float32(rng):
    for scale in (1e4, 1e15, 1e-42):
        x = (scale * rng.normal(size=(3, 6))).astype(np.float32)
        y, saved = layer_norm_forward(x, np.ones(6, np.float32))
        assert np.isfinite(y).all()
        assert np.isfinite(layer_norm_backward(np.ones_like(y), saved)[0]).all()


def test_only_the_input_and_two_numbers_per_row_are_saved(rng):
    x = rng.normal(size=(2, 3, 5))
    _, saved = layer_norm_forward(x, np.ones(5))
    assert saved.x is x
    assert saved.mean.shape == saved.rstd.shape == (2, 3, 1)


def test_a_weight_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"x has 5 channels but weight is \(4,\)"):
        layer_norm_forward(np.ones((2, 5)), np.ones(4))
    with pytest.raises(ValueError, match=r"x has 5 channels but bias is \(1,\)"):
        layer_norm_forward(np.ones((2, 5)), np.ones(5), np.ones(1))


def test_mixed_dtypes_are_refused():
    with pytest.raises(TypeError, match="layer_norm: x is float64 but weight is float32"):
        layer_norm_forward(np.ones((2, 5)), np.ones(5, np.float32))
    with pytest.raises(TypeError, match="layer_norm: x is float64 but bias is float32"):
        layer_norm_forward(np.ones((2, 5)), np.ones(5), np.ones(5, np.float32))


def test_the_variance_of_rows_far_from_zero_keeps_its_digits_in_float32(rng):
    """The mean of (x - mean) x is equal in exact arithmetic, but would lose the digits."""
    x = (1e4 + rng.normal(size=(5, 64))).astype(np.float32)
    y, _ = layer_norm_forward(x, np.ones(64, np.float32))
    np.testing.assert_allclose(y.std(axis=-1), 1, rtol=1e-4)
