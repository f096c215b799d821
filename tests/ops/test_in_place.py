"""Gradients written to given arrays, or over arrays that are no longer needed, are the same."""

from contextlib import nullcontext

import numpy as np
import pytest

from scratchgpt import kernels, ops
from scratchgpt.accumulator import NOT_WANTED, Accumulator

SHAPES = [(3, 5), (129, 130), (70, 1, 257)]  # fewer and more elements than one piece of a thread
FORWARDS = {
    "gelu": (ops.gelu_forward, ops.gelu_backward),
    "gelu_tanh": (lambda x: ops.gelu_forward(x, "tanh"), ops.gelu_backward),
    "relu": (ops.relu_forward, ops.relu_backward),
    "relu_squared": (ops.relu_squared_forward, ops.relu_squared_backward),
    "silu": (ops.silu_forward, ops.silu_backward),
}


@pytest.fixture(params=["kernels", "reference"], autouse=True)
def implementation(request):
    """Run the test with the kernels, if there are any, and with the reference."""
    with kernels.disabled() if request.param == "reference" else nullcontext():
        yield


each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])


@each_dtype
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", FORWARDS)
def test_dx_of_an_activation_may_overwrite_dy(name, shape, dtype, rng):
    forward, backward = FORWARDS[name]
    x, dy = rng.standard_normal((2, *shape)).astype(dtype)
    _, saved = forward(x)
    before = x.copy()
    expected = backward(dy, saved)
    elsewhere = np.empty_like(dy)
    assert backward(dy, saved, dx_out=elsewhere) is elsewhere
    assert backward(dy, saved, dx_out=dy) is dy
    np.testing.assert_array_equal(dy, expected)
    np.testing.assert_array_equal(elsewhere, expected)
    np.testing.assert_array_equal(x, before)


@each_dtype
def test_dx_of_a_linear_map_may_overwrite_x(dtype, rng):
    x, weight, dy = (rng.standard_normal(s).astype(dtype) for s in ((9, 40), (40, 33), (9, 33)))
    _, saved = ops.linear_forward(x, weight, np.zeros(33, dtype))
    expected = ops.linear_backward(dy, saved)
    dx, dweight, dbias = ops.linear_backward(dy, saved, dx_out=x)
    assert dx is x
    for actual, reference in zip((dx, dweight, dbias), expected, strict=True):
        np.testing.assert_array_equal(actual, reference)


@each_dtype
@pytest.mark.parametrize("transposed", [False, True])
def test_dweight_overwrites_a_cleared_accumulator(transposed, dtype, rng):
    x, weight, dy = (rng.standard_normal(s).astype(dtype) for s in ((9, 40), (40, 33), (9, 33)))
    _, saved = ops.linear_forward(x, weight)
    _, expected, _ = ops.linear_backward(dy, saved)
    held = np.full((33, 40) if transposed else (40, 33), np.nan, dtype)
    accumulator = Accumulator(held)
    accumulator.clear()
    into = accumulator.T if transposed else accumulator
    ops.linear_backward(dy, saved, dweight_into=into)
    np.testing.assert_allclose(held.T if transposed else held, expected, rtol=1e-5, atol=1e-6)
    ops.linear_backward(dy, saved, dweight_into=into)
    np.testing.assert_allclose(into.array, 2 * expected, rtol=1e-5, atol=1e-6)


@each_dtype
def test_gradients_that_are_not_wanted_are_none(dtype, rng):
    x, weight, dy = (rng.standard_normal(s).astype(dtype) for s in ((9, 40), (40, 33), (9, 33)))
    _, saved = ops.linear_forward(x, weight, np.zeros(33, dtype))
    expected, _, _ = ops.linear_backward(dy, saved)
    dx, dweight, dbias = ops.linear_backward(
        dy, saved, dweight_into=NOT_WANTED, dbias_into=NOT_WANTED
    )
    assert dweight is None
    assert dbias is None
    np.testing.assert_array_equal(dx, expected)


@each_dtype
def test_the_gradient_of_the_log_scale_is_added_to_its_sum(dtype, rng):
    inputs = [rng.standard_normal(s).astype(dtype) for s in ((4, 5), (6, 5), (1,))]
    _, saved = ops.contrastive_forward(*inputs)
    *expected, dlog_scale = ops.contrastive_backward(1.0, saved)
    total = np.full(1, 3, dtype)
    assert ops.contrastive_backward(1.0, saved, dlog_scale_into=total)[2] is total
    np.testing.assert_allclose(total, 3 + dlog_scale, rtol=1e-6)
    accumulator = Accumulator(np.full(1, np.nan, dtype))
    accumulator.clear()
    for n in (1, 2):
        ops.contrastive_backward(1.0, saved, dlog_scale_into=accumulator)
        np.testing.assert_allclose(accumulator.array, n * dlog_scale, rtol=1e-6)
    *others, unwanted = ops.contrastive_backward(1.0, saved, dlog_scale_into=NOT_WANTED)
    assert unwanted is None
    for actual, reference in zip(others, expected, strict=True):
        np.testing.assert_array_equal(actual, reference)
