import numpy as np
import pytest

from scratchgpt.ops import log_softmax_backward, log_softmax_forward, softmax_forward
from scratchgpt.ops.log_softmax import log_sum_exp


def test_a_known_log_softmax():
    y, _ = log_softmax_forward(np.log([[1.0, 2.0, 5.0]]))
    np.testing.assert_allclose(y, np.log([[0.125, 0.25, 0.625]]), rtol=1e-14)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_it_is_the_logarithm_of_the_softmax(rng, axis):
    x = rng.normal(size=(2, 3, 4))
    expected = np.log(softmax_forward(x, axis)[0])
    np.testing.assert_allclose(log_softmax_forward(x, axis)[0], expected, rtol=1e-13)


def test_a_small_probability_keeps_its_logarithm():
    y, _ = log_softmax_forward(np.array([0.0, -1000.0], np.float32))
    np.testing.assert_array_equal(y, [0, -1000])


def test_logits_of_ten_thousand_stay_finite_in_float32():
    x = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4]], np.float32)
    y, saved = log_softmax_forward(x)
    np.testing.assert_allclose(y, [[0, -2e4, -1e4], [-np.log(3)] * 3], rtol=2e-4)
    assert np.isfinite(log_softmax_backward(np.ones_like(y), saved)).all()


def test_it_is_shift_invariant_so_the_gradient_sums_to_zero(rng):
    x = rng.normal(size=(3, 5))
    y, saved = log_softmax_forward(x)
    np.testing.assert_allclose(log_softmax_forward(x + 7)[0], y, rtol=1e-13)
    dx = log_softmax_backward(rng.normal(size=(3, 5)), saved)
    np.testing.assert_allclose(dx.sum(axis=-1), 0, atol=1e-14)


def test_log_sum_exp_keeps_its_axis_and_its_value(rng):
    x = rng.normal(size=(2, 3, 4))
    total = log_sum_exp(x, axis=1)
    assert total.shape == (2, 1, 4)
    np.testing.assert_allclose(total[:, 0], np.log(np.exp(x).sum(axis=1)), rtol=1e-13)
    np.testing.assert_allclose(log_sum_exp(x + 1e4, axis=1), total + 1e4, rtol=1e-15)
