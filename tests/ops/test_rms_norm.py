from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt import kernels
from scratchgpt.accumulator import NOT_WANTED, Accumulator
from scratchgpt.ops import layer_norm_backward, layer_norm_forward
from scratchgpt.ops import rms_norm_backward as backward
from scratchgpt.ops import rms_norm_forward as forward


@pytest.fixture(params=["kernels", "reference"])
def implementation(request):
    """Run the test with the kernels, if there are any, and with the reference."""
    with kernels.disabled() if request.param == "reference" else nullcontext():
        yield


each_implementation = pytest.mark.usefixtures("implementation")
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])


def heads(rng, dtype, shape=(2, 5, 3, 4)):
    """Return a view (B, H, T, D) of an array (B, T, 3 H D), as the keys of attention are."""
    n_batch, n_time, n_head, size = shape
    whole = rng.standard_normal((n_batch, n_time, 3 * n_head * size)).astype(dtype)
    part = whole[..., n_head * size : 2 * n_head * size]
    return whole, part.reshape(shape).swapaxes(1, 2)


def test_rows_get_a_mean_square_of_one(rng):
    x = 3 + 5 * rng.normal(size=(4, 50))
    y, saved = forward(x, eps=1e-12)
    np.testing.assert_allclose((y**2).mean(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(saved.rstd[:, 0], (x**2).mean(axis=-1) ** -0.5, rtol=1e-12)


def test_the_formula(rng):
    x, weight = rng.normal(size=(2, 3, 7)), rng.normal(size=7)
    y, _ = forward(x, weight, eps=0.25)
    expected = weight * x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 0.25)
    np.testing.assert_allclose(y, expected, rtol=1e-13)


def test_epsilon_defaults_to_one_in_a_million():
    y, _ = forward(np.array([[-0.003, 0.001]]))
    np.testing.assert_allclose(y[0, 1], 0.001 / np.sqrt(5e-6 + 1e-6), rtol=1e-12)


def test_the_smallest_case_by_hand():
    """The mean square of (1, 7) is 25, so the row is divided by 5."""
    y, saved = forward(np.array([[1.0, 7.0]]), np.array([10.0, 20.0]), eps=0.0)
    np.testing.assert_allclose(y, [[2, 28]], rtol=1e-15)
    dx, dweight = backward(np.array([[1.0, 0.0]]), saved)
    # dx_hat = (10, 0), and the mean of dx_hat x_hat is 10 · 0.2 / 2 = 1.
    np.testing.assert_allclose(dx, [[(10 - 0.2) / 5, -1.4 / 5]], rtol=1e-14)
    np.testing.assert_allclose(dweight, [0.2, 0], rtol=1e-15)


@given(scale=st.floats(0.1, 100), seed=st.integers(0, 1000))
def test_it_ignores_the_scale_of_its_input_but_not_a_shift(scale, seed):
    x = np.random.default_rng(seed).standard_normal((3, 9))
    y, _ = forward(x, x[0] + 2, eps=1e-13)
    scaled, _ = forward(scale * x, x[0] + 2, eps=1e-13)
    shifted, _ = forward(x + 1, x[0] + 2, eps=1e-13)
    np.testing.assert_allclose(scaled, y, rtol=1e-8)
    assert np.abs(shifted - y).max() > 0.01


def test_the_gradient_is_zero_along_the_input_and_only_there(rng):
    x, dy, weight = rng.normal(size=(4, 8)), rng.normal(size=(4, 8)), rng.normal(size=8)
    _, saved = forward(x, weight, eps=0.0)
    dx, _ = backward(dy, saved)
    np.testing.assert_allclose((dx * x).sum(axis=-1), 0, atol=1e-13)
    assert np.abs(dx.sum(axis=-1)).min() > 0.01


def test_on_rows_of_mean_zero_it_is_a_layer_norm(rng):
    """The gradients differ by the mean of the row, which a layer norm subtracts."""
    x, dy, weight = rng.normal(size=(4, 8)), rng.normal(size=(4, 8)), rng.normal(size=8)
    x -= x.mean(axis=-1, keepdims=True)
    (y, saved), (expected, norm) = forward(x, weight, 0.1), layer_norm_forward(x, weight, None, 0.1)
    np.testing.assert_allclose(y, expected, rtol=1e-13)
    (dx, dweight), (dx_norm, dweight_norm, _) = backward(dy, saved), layer_norm_backward(dy, norm)
    np.testing.assert_allclose(dx - dx.mean(axis=-1, keepdims=True), dx_norm, rtol=1e-12)
    np.testing.assert_allclose(dweight, dweight_norm, rtol=1e-13)


@each_implementation
@pytest.mark.parametrize("has_weight", [True, False])
@pytest.mark.parametrize("eps", [1e-6, 0.3])
def test_it_is_pytorchs_with_all_gradients(has_weight, eps, torch, rng, assert_close):
    """``tests/ops/test_parity.py`` compares every registered case."""
    x, dy = rng.normal(size=(2, 4, 3, 7)), rng.normal(size=(2, 4, 3, 7))
    weight = rng.normal(size=7) if has_weight else None
    y, saved = forward(x, weight, eps)
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, weight) if a is not None]
    expected = torch.nn.functional.rms_norm(tensors[0], (7,), *tensors[1:], eps=eps)
    expected.backward(torch.tensor(dy))
    assert_close(y, expected.detach().numpy(), 1e-12)
    found = backward(dy, saved)
    assert (found[1] is None) == (not has_weight)
    for actual, tensor in zip(found, tensors, strict=False):
        assert_close(actual, tensor.grad.numpy(), 1e-12)


@each_implementation
@each_dtype
@pytest.mark.parametrize("has_weight", [True, False])
@pytest.mark.parametrize("shape", [(3, 5), (41, 130), (70, 1, 257)], ids=str)
def test_dx_may_overwrite_dy(shape, has_weight, dtype, rng):
    x, dy, around = rng.standard_normal((3, *shape)).astype(dtype)
    weight = rng.standard_normal(shape[-1]).astype(dtype) if has_weight else None
    _, saved = forward(x, weight)
    before = x.copy()
    expected, dweight = backward(dy, saved, residual_gradient=around)
    elsewhere = np.full_like(dy, np.nan)
    assert backward(dy, saved, residual_gradient=around, dx_out=elsewhere)[0] is elsewhere
    dx, dweight_over = backward(dy, saved, residual_gradient=around, dx_out=dy)
    assert dx is dy
    np.testing.assert_array_equal(dx, expected)
    np.testing.assert_array_equal(elsewhere, expected)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(dweight_over, dweight)


@each_implementation
@each_dtype
def test_queries_and_keys_in_an_array_of_all_heads(dtype, rng, assert_close):
    """Input, upstream gradient and result are views whose rows alone are contiguous."""
    (_, x), (gradients, dy) = heads(rng, dtype), heads(rng, dtype)
    weight = rng.standard_normal(4).astype(dtype)
    y, saved = forward(x, weight)
    expected_y, expected_saved = forward(x.copy(), weight)
    np.testing.assert_array_equal(y, expected_y)
    expected, dweight = backward(dy.copy(), expected_saved)
    before = gradients.copy()
    dx, dweight_over = backward(dy, saved, dx_out=dy)
    assert dx is dy
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    assert_close(dx, expected, tolerance)
    assert_close(dweight_over, dweight, tolerance)
    np.testing.assert_array_equal(gradients[..., :12], before[..., :12])
    np.testing.assert_array_equal(gradients[..., 24:], before[..., 24:])


@each_implementation
@each_dtype
def test_the_result_is_written_to_a_given_array(dtype, rng):
    x, weight = rng.standard_normal((2, 5, 3, 4)).astype(dtype), np.full(4, 2, dtype)
    expected, _ = forward(x, weight)
    whole, view = heads(rng, dtype, (2, 3, 5, 4))
    before = whole.copy()
    for out in (np.empty_like(x), np.empty(x.shape, dtype, order="F"), view):
        assert forward(x, weight, y_out=out)[0] is out
        np.testing.assert_allclose(out, expected, rtol=1e-6)
    np.testing.assert_array_equal(whole[..., :20], before[..., :20])


@each_implementation
@each_dtype
def test_the_gradient_of_the_weight_is_added_to_its_sum(dtype, rng):
    x, dy, weight = (rng.standard_normal(s).astype(dtype) for s in ((9, 6), (9, 6), (6,)))
    _, saved = forward(x, weight)
    dx, dweight = backward(dy, saved)
    total = np.full(6, 3, dtype)
    assert backward(dy, saved, dweight_into=total)[1] is total
    np.testing.assert_allclose(total, 3 + dweight, rtol=1e-5)
    accumulator = Accumulator(np.full(6, np.nan, dtype))
    accumulator.clear()
    for n in (1, 2):
        backward(dy, saved, dweight_into=accumulator)
        np.testing.assert_allclose(accumulator.array, n * dweight, rtol=1e-5)
    alone, unwanted = backward(dy, saved, dweight_into=NOT_WANTED)
    assert unwanted is None
    np.testing.assert_array_equal(alone, dx)


def test_the_gradient_around_the_norm_is_added(rng):
    x, dy, around = rng.normal(size=(3, 4, 5))
    _, saved = forward(x, rng.normal(size=5))
    dx, _ = backward(dy, saved)
    total, _ = backward(dy, saved, residual_gradient=around)
    np.testing.assert_allclose(total, dx + around, rtol=1e-14)


def test_a_batch_is_the_concatenation_of_its_rows(rng):
    x, weight = rng.normal(size=(5, 6)), rng.normal(size=6)
    y, _ = forward(x, weight)
    rows = [forward(row[None], weight)[0] for row in x]
    np.testing.assert_array_equal(y, np.concatenate(rows))


@each_implementation
@each_dtype
def test_a_row_of_zeros_stays_zero_and_its_gradient_is_dy_by_the_root_of_epsilon(dtype):
    x, dy = np.zeros((2, 5), dtype), np.arange(10, dtype=dtype).reshape(2, 5)
    y, saved = forward(x, np.full(5, 3, dtype), eps=1e-4)
    assert (y == 0).all()
    dx, dweight = backward(dy, saved)
    np.testing.assert_allclose(dx, 300 * dy, rtol=1e-6)
    assert (dweight == 0).all()


@each_implementation
def test_large_and_subnormal_inputs_stay_finite_in_float32(rng):
    for scale in (1e4, 1e15, 1e-42):
        x = (scale * rng.normal(size=(3, 6))).astype(np.float32)
        y, saved = forward(x, np.ones(6, np.float32))
        assert np.isfinite(y).all()
        assert np.isfinite(backward(np.ones_like(y), saved)[0]).all()


def test_only_the_input_and_one_number_per_row_are_saved(rng):
    x, weight = rng.normal(size=(2, 3, 5)), np.ones(5)
    _, saved = forward(x, weight)
    assert saved.x is x
    assert saved.weight is weight
    assert saved.rstd.shape == (2, 3, 1)


def test_a_weight_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"rms_norm: x has 5 channels but weight is \(4,\)"):
        forward(np.ones((2, 5)), np.ones(4))
    with pytest.raises(ValueError, match=r"rms_norm: x is \(3, 0\) and has no channels"):
        forward(np.ones((3, 0)))


def test_wrong_dtypes_and_numbers_are_refused():
    with pytest.raises(TypeError, match="rms_norm: x is float64 but weight is float32"):
        forward(np.ones((2, 5)), np.ones(5, np.float32))
    with pytest.raises(TypeError, match="rms_norm: x is int64"):
        forward(np.ones((2, 5), np.int64))
    with pytest.raises(ValueError, match="rms_norm: eps"):
        forward(np.ones((2, 5)), eps=-1e-6)


def test_an_upstream_gradient_of_another_shape_is_refused():
    _, saved = forward(np.ones((2, 5)))
    with pytest.raises(ValueError, match=r"rms_norm: the output is \(2, 5\) but dy is \(2, 4\)"):
        backward(np.ones((2, 4)), saved)
