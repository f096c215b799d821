import numpy as np

from scratchgpt.ops import relu_backward, relu_forward
from scratchgpt.verify import check_vjp


def test_negative_values_become_zero_and_positive_ones_stay():
    y, _ = relu_forward(np.array([-2.0, -0.5, 0.0, 0.5, 2.0]))
    np.testing.assert_array_equal(y, [0, 0, 0, 0.5, 2])


def test_the_gradient_passes_where_the_input_was_positive_and_not_at_zero():
    _, saved = relu_forward(np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_array_equal(relu_backward(np.array([3.0, 5.0, 7.0]), saved), [0, 0, 7])


def test_nan_is_preserved():
    y, saved = relu_forward(np.array([np.nan, -1.0]))
    assert np.isnan(y[0])
    assert y[1] == 0
    assert relu_backward(np.ones(2), saved)[0] == 1


def test_the_real_part_of_a_complex_number_decides():
    y, _ = relu_forward(np.array([1 + 2j, -1 + 2j, 2j]))
    np.testing.assert_array_equal(y, [1 + 2j, 0, 0])


def test_at_zero_the_gradient_is_one_of_the_two_slopes():
    report = check_vjp(relu_forward, relu_backward, {"x": np.array([-1.0, 0.0, 2.0])})
    assert report.passed
    assert [kink.index for kink in report["x"].kinks] == [(1,)]
