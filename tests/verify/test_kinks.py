import numpy as np
import pytest

from scratchgpt.verify import check_vjp


def relu(x):
    return np.where(x.real > 0, x, 0), x


def relu_backward(dy, x):
    return dy * (x > 0)


X = np.array([[-1.0, 0.0, 2.0], [0.0, 3.0, -4.0]])


@pytest.mark.parametrize("method", ["complex", "central"])
def test_kinks_are_found_named_and_left_out(method):
    report = check_vjp(relu, relu_backward, {"x": X}, method=method)
    assert report.passed
    row = report["x"]
    assert [kink.index for kink in row.kinks] == [(0, 1), (1, 0)]
    assert row.n_elements == 4
    assert "kink at index (0, 1)" in str(report)
    for kink in row.kinks:
        assert sorted((abs(kink.left), abs(kink.right)))[0] == 0


@pytest.mark.parametrize("method", ["complex", "central"])
@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_any_slope_between_the_two_is_right_at_a_kink(method, at_zero):
    def backward(dy, x):
        return dy * np.where(x == 0, at_zero, x > 0)

    assert check_vjp(relu, backward, {"x": X}, method=method).passed


@pytest.mark.parametrize("at_zero", [-0.1, 1.1, np.nan])
def test_a_slope_outside_is_wrong_even_at_a_kink(at_zero):
    def backward(dy, x):
        return dy * np.where(x == 0, at_zero, x > 0)

    report = check_vjp(relu, backward, {"x": X})
    assert not report.passed
    assert "OUTSIDE" in str(report)


def test_a_wrong_gradient_elsewhere_is_not_excused_by_a_kink():
    report = check_vjp(relu, lambda dy, x: 1.01 * dy * (x > 0), {"x": X})
    assert not report.passed
    assert not report["x"].passed


def test_an_adjoint_test_that_fails_at_a_kink_says_so():
    def right_derivative(dy, x):
        return dy * (x >= 0)

    report = check_vjp(relu, right_derivative, {"x": X}, method="adjoint")
    assert not report.passed
    assert "kink" in report["x"].note


@pytest.mark.parametrize(
    "function",
    [np.tanh, np.sin, lambda x: np.exp(3 * x), lambda x: 1e4 * x**2, lambda x: 1 / (2 + x)],
)
def test_smooth_functions_have_none(function):
    x = np.random.default_rng(0).uniform(-1, 1, (20, 30))
    report = check_vjp(lambda x: (function(x), x), lambda dy, x: 0 * x, {"x": x}, max_elements=1)
    assert report["x"].kinks == ()


def test_one_kink_among_a_thousand_elements_is_found():
    x = np.random.default_rng(0).uniform(0.5, 1, (25, 40))
    x[13, 7] = 0
    report = check_vjp(relu, relu_backward, {"x": x}, max_elements=5)
    assert report.passed
    assert [kink.index for kink in report["x"].kinks] == [(13, 7)]


def test_many_kinks_are_shown_in_short():
    report = check_vjp(relu, relu_backward, {"x": np.zeros(9)})
    assert len(report["x"].kinks) == 9
    assert "and 4 more kinks" in str(report)
