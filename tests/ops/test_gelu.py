import math

import numpy as np
import pytest

from scratchgpt.ops import gelu_backward, gelu_forward

FORMS = ("none", "tanh")


def test_the_exact_form_is_x_times_the_normal_distribution_function():
    x = np.linspace(-5, 5, 41)
    expected = [t * 0.5 * math.erfc(-t / math.sqrt(2)) for t in x]
    np.testing.assert_allclose(gelu_forward(x)[0], expected, rtol=1e-9, atol=1e-16)


def test_the_tanh_form_is_that_of_the_paper():
    x = np.linspace(-4, 4, 41)
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    expected = 0.5 * x * (1 + np.tanh(inner))
    np.testing.assert_allclose(gelu_forward(x, "tanh")[0], expected, rtol=1e-12, atol=1e-16)


def test_the_slope_at_zero_is_one_half():
    for form in FORMS:
        _, saved = gelu_forward(np.zeros(1), form)
        assert gelu_backward(np.ones(1), saved)[0] == 0.5


@pytest.mark.parametrize("form", FORMS)
def test_gelu_of_x_less_gelu_of_minus_x_is_x(form, rng):
    x = rng.normal(size=20)
    difference = gelu_forward(x, form)[0] - gelu_forward(-x, form)[0]
    np.testing.assert_allclose(difference, x, rtol=1e-14)


def test_the_two_forms_are_close_but_not_the_same():
    x = np.linspace(-3, 3, 61)
    gap = np.abs(gelu_forward(x, "none")[0] - gelu_forward(x, "tanh")[0]).max()
    assert 1e-4 < gap < 1e-3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_out_it_is_zero_or_the_identity(form, dtype):
    x = np.array([-1e4, -50, 50, 1e4], dtype)
    y, saved = gelu_forward(x, form)
    np.testing.assert_array_equal(y, [0, 0, 50, 1e4])
    np.testing.assert_array_equal(gelu_backward(np.ones_like(x), saved), [0, 0, 1, 1])


@pytest.mark.parametrize("form", FORMS)
def test_a_subnormal_is_halved(form):
    x = np.array([1e-42], np.float32)
    y, saved = gelu_forward(x, form)
    np.testing.assert_array_equal(y, x * np.float32(0.5))
    assert gelu_backward(np.ones_like(x), saved)[0] == 0.5


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="approximate must be 'none' or 'tanh', got 'sigmoid'"):
        gelu_forward(np.zeros(2), "sigmoid")
