import numpy as np
import pytest

from scratchgpt.ops import silu_backward, silu_forward


def test_it_is_x_times_the_sigmoid():
    x = np.linspace(-5, 5, 41)
    np.testing.assert_allclose(silu_forward(x)[0], x / (1 + np.exp(-x)), rtol=1e-13)


def test_the_values_at_log_three_are_known():
    x = np.log(3) * np.array([-1.0, 1.0])  # the sigmoid is 1/4 and 3/4
    y, saved = silu_forward(x)
    np.testing.assert_allclose(y, x * [0.25, 0.75], rtol=1e-15)
    slope = [0.25 - np.log(3) * 3 / 16, 0.75 + np.log(3) * 3 / 16]
    np.testing.assert_allclose(
        silu_backward(np.array([5.0, -2.0]), saved), slope * np.array([5, -2])
    )


def test_the_slope_at_zero_is_one_half():
    _, saved = silu_forward(np.zeros(1))
    assert silu_backward(np.ones(1), saved)[0] == 0.5


def test_silu_of_x_less_silu_of_minus_x_is_x(rng):
    x = rng.normal(size=20)
    np.testing.assert_allclose(silu_forward(x)[0] - silu_forward(-x)[0], x, rtol=1e-14)


def test_the_least_value_is_where_the_slope_is_zero():
    """The slope is 0 where x = -1 - exp(x), so at x = -1.27846..., and there y = x + 1."""
    x = np.array([-1.2784645427610738])
    y, saved = silu_forward(x)
    assert abs(silu_backward(np.ones(1), saved)[0]) < 1e-15
    np.testing.assert_allclose(y, x + 1, rtol=1e-14)
    assert (silu_forward(np.linspace(-9, 9, 500))[0] > y).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_far_out_it_is_zero_or_the_identity_and_nothing_overflows(dtype):
    largest = np.finfo(dtype).max
    x = np.array([-largest, -1e4, 1e4, largest], dtype)
    y, saved = silu_forward(x)
    np.testing.assert_array_equal(y, [0, 0, x[2], x[3]])
    np.testing.assert_array_equal(silu_backward(np.ones_like(x), saved), [0, 0, 1, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_is_preserved(dtype):
    y, saved = silu_forward(np.array([np.nan, 1.0], dtype))
    dx = silu_backward(np.ones(2, dtype), saved)
    np.testing.assert_array_equal(np.isnan([y, dx]), [[True, False]] * 2)
