from contextlib import nullcontext

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.ops import soft_cap_backward as backward
from scratchgpt.ops import soft_cap_forward as forward


@pytest.fixture(params=["kernels", "reference"], autouse=True)
def implementation(request):
    """Run the test with the kernels, if there are any, and with the reference."""
    with kernels.disabled() if request.param == "reference" else nullcontext():
        yield


each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])


def test_the_formula(rng, assert_close):
    x = 20 * rng.normal(size=(3, 7))
    y, _ = forward(x, 15.0)
    assert_close(y, 15 * np.tanh(x / 15), 1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_is_beyond_the_cap_and_small_numbers_hardly_change(dtype):
    x = np.array([-np.inf, -1e30, -1e4, 0, 1e4, np.inf], dtype)
    y, _ = forward(x, 30.0)
    np.testing.assert_array_equal(y, np.array([-30, -30, -30, 0, 30, 30], dtype))
    x = np.linspace(-0.1, 0.1, 21).astype(dtype)
    np.testing.assert_allclose(forward(x, 30.0)[0], x, rtol=4e-6)
    assert np.isnan(forward(np.array([np.nan], dtype), 30.0)[0]).all()


def test_it_keeps_the_order(rng):
    x = np.sort(20 * rng.normal(size=100))
    assert (np.diff(forward(x, 15.0)[0]) > 0).all()


def test_the_slope_is_one_at_zero_and_vanishes_at_the_cap():
    x = np.array([0.0, 1.0, 2.0, 40.0])
    _, saved = forward(x, 2.0)
    slope = backward(np.ones(4), saved)
    np.testing.assert_allclose(slope, 1 / np.cosh(x / 2) ** 2, rtol=1e-13, atol=1e-15)
    assert slope[0] == 1


def test_it_is_pytorchs(torch, rng, assert_close):
    x, dy = 3 * rng.normal(size=(2, 4, 7)), rng.normal(size=(2, 4, 7))
    y, saved = forward(x, 2.5)
    tensor = torch.tensor(x, requires_grad=True)
    expected = 2.5 * torch.tanh(tensor / 2.5)
    expected.backward(torch.tensor(dy))
    assert_close(y, expected.detach().numpy(), 1e-12)
    assert_close(backward(dy, saved), tensor.grad.numpy(), 1e-12)


@each_dtype
@pytest.mark.parametrize("shape", [(3, 5), (2, 7, 129), (70, 1, 257)], ids=str)
def test_forward_and_backward_work_in_place(shape, dtype, rng):
    """As on logits (B, T, V), which are the largest array of a model."""
    x, dy = (3 * rng.standard_normal((2, *shape))).astype(dtype)
    before = x.copy()
    expected, saved = forward(x, 2.0)
    np.testing.assert_array_equal(x, before)
    dx = backward(dy, saved)
    y, over = forward(x, 2.0, y_out=x)
    assert y is x
    assert over.y is x
    np.testing.assert_array_equal(y, expected)
    elsewhere = np.full_like(dy, np.nan)
    assert backward(dy, over, dx_out=elsewhere) is elsewhere
    assert backward(dy, over, dx_out=dy) is dy
    np.testing.assert_array_equal(elsewhere, dx)
    np.testing.assert_array_equal(dy, dx)
    np.testing.assert_array_equal(y, expected)


@each_dtype
def test_arrays_of_any_layout_are_written(dtype, rng):
    x, dy = rng.standard_normal((2, 6, 5)).astype(dtype)
    expected, saved = forward(x, 2.0)
    dx = backward(dy, saved)
    out = np.empty((5, 6), dtype).T
    assert forward(x, 2.0, y_out=out)[0] is out
    np.testing.assert_allclose(out, expected, rtol=1e-6)
    assert backward(dy, saved, dx_out=out) is out
    np.testing.assert_allclose(out, dx, rtol=1e-5)


def test_only_the_output_is_saved(rng):
    y, saved = forward(rng.normal(size=(3, 4)), 2.0)
    assert saved.y is y
    assert saved.cap == 2.0


@pytest.mark.parametrize("cap", [0, 0.0, -1.0, np.nan, np.inf, None, "2"])
def test_a_cap_that_is_not_a_number_above_zero_is_refused(cap):
    with pytest.raises(ValueError, match="soft_cap: cap"):
        forward(np.ones((2, 5)), cap)


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match="soft_cap: x is int64"):
        forward(np.ones(3, np.int64), 2.0)
    _, saved = forward(np.ones((2, 5)), 2.0)
    with pytest.raises(ValueError, match=r"soft_cap: the output is \(2, 5\) but dy is \(5,\)"):
        backward(np.ones(5), saved)
