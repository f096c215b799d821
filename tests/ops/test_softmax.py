import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.ops import softmax_backward, softmax_forward


def test_a_known_softmax():
    y, _ = softmax_forward(np.log([[1.0, 2.0, 5.0]]))
    np.testing.assert_allclose(y, [[0.125, 0.25, 0.625]], rtol=1e-15)


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
def test_lines_along_the_axis_sum_to_one(rng, axis):
    y, _ = softmax_forward(rng.normal(size=(2, 3, 4)), axis)
    np.testing.assert_allclose(y.sum(axis=axis), 1, rtol=1e-14)
    assert (y > 0).all()


@given(shift=st.floats(-1e3, 1e3), seed=st.integers(0, 1000))
def test_it_is_shift_invariant(shift, seed):
    x = np.random.default_rng(seed).standard_normal((3, 5))
    np.testing.assert_allclose(softmax_forward(x + shift)[0], softmax_forward(x)[0], rtol=1e-11)


def test_the_gradient_sums_to_zero(rng):
    _, saved = softmax_forward(rng.normal(size=(3, 5)))
    dx = softmax_backward(rng.normal(size=(3, 5)), saved)
    np.testing.assert_allclose(dx.sum(axis=-1), 0, atol=1e-15)
    assert np.abs(dx).max() > 0.01


def test_the_gradient_is_the_product_with_the_jacobian(rng):
    y, saved = softmax_forward(rng.normal(size=5))
    jacobian = np.diag(y) - np.outer(y, y)
    dy = rng.normal(size=5)
    np.testing.assert_allclose(softmax_backward(dy, saved), jacobian.T @ dy, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_ten_thousand_do_not_overflow(dtype):
    y, saved = softmax_forward(np.array([[1e4, -1e4, 1e4], [-1e4, -1e4, -1e4]], dtype))
    third = np.array(1, dtype) / 3
    np.testing.assert_allclose(y, [[0.5, 0, 0.5], [third, third, third]], rtol=1e-6)
    assert np.isfinite(softmax_backward(np.ones_like(y), saved)).all()


def test_minus_infinity_gets_probability_zero():
    y, _ = softmax_forward(np.array([0.0, -np.inf, 0.0]))
    np.testing.assert_array_equal(y, [0.5, 0, 0.5])


def test_a_fully_masked_line_is_zeros_and_so_is_its_gradient(rng):
    x = rng.normal(size=(2, 3))
    x[1] = -np.inf
    y, saved = softmax_forward(x)
    np.testing.assert_array_equal(y[1], 0)
    np.testing.assert_allclose(y[0].sum(), 1)
    dx = softmax_backward(rng.normal(size=(2, 3)), saved)
    np.testing.assert_array_equal(dx[1], 0)


def test_subnormals_are_a_uniform_distribution():
    y, _ = softmax_forward(np.array([1e-42, -1e-42], np.float32))
    np.testing.assert_array_equal(y, [0.5, 0.5])


def test_nan_is_preserved():
    y, _ = softmax_forward(np.array([0.0, np.nan]))
    assert np.isnan(y).all()
