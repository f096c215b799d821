import numpy as np
import pytest

from scratchgpt.ops import relu_squared_backward, relu_squared_forward
from scratchgpt.verify import check_vjp


def test_positive_values_are_squared_and_the_others_become_zero():
    y, _ = relu_squared_forward(np.array([-2.0, -0.5, 0.0, 0.5, 3.0]))
    np.testing.assert_array_equal(y, [0, 0, 0, 0.25, 9])


def test_the_slope_is_twice_the_positive_part():
    _, saved = relu_squared_forward(np.array([-1.0, 0.0, 0.5, 3.0]))
    dx = relu_squared_backward(np.array([3.0, 5.0, 7.0, -1.0]), saved)
    np.testing.assert_array_equal(dx, [0, 0, 7, -6])


def test_there_is_no_kink_at_zero():
    report = check_vjp(relu_squared_forward, relu_squared_backward, {"x": np.array([0.0, 1.0])})
    report.raise_if_failed()
    assert not any(row.kinks for row in report.inputs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_large_negative_values_do_not_overflow(dtype):
    x = np.array([-np.finfo(dtype).max, -1e30, 1e15], dtype)
    y, saved = relu_squared_forward(x)
    np.testing.assert_array_equal(y, [0, 0, x[2] * x[2]])
    np.testing.assert_array_equal(relu_squared_backward(x / x, saved), [0, 0, 2 * x[2]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_is_preserved(dtype):
    y, saved = relu_squared_forward(np.array([np.nan, -1.0], dtype))
    dx = relu_squared_backward(np.ones(2, dtype), saved)
    np.testing.assert_array_equal(np.isnan([y, dx]), [[True, False]] * 2)
