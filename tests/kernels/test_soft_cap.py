"""The kernels of the soft cap, and the hyperbolic tangent that they are made of."""

import numpy as np
import pytest

from scratchgpt import kernels, ops

numba = pytest.importorskip("numba")

from scratchgpt.kernels import soft_cap  # noqa: E402 (it needs Numba)
from scratchgpt.kernels.parts.fast_math import tanh  # noqa: E402


@numba.njit
def each_tanh(x, y):
    for i in range(x.size):
        y[i] = tanh(x[i])


def run(x):
    y = np.empty_like(x)
    each_tanh(x, y)
    return y


@pytest.mark.parametrize("far", [1e-3, 0.3, 1, 12])
def test_the_relative_error_of_the_tangent(far):
    x = np.linspace(-far, far, 100_000).astype(np.float32)  # without 0
    assert np.abs(run(x) / np.tanh(x.astype(np.float64)) - 1).max() <= 3e-7


def test_the_limits_of_the_tangent():
    x = np.array([-np.inf, -1e30, -10, 0, 10, 1e30, np.inf, np.nan, 1e-30], np.float32)
    expected = np.array([-1, -1, -1, 0, 1, 1, 1, np.nan, 1e-30], np.float32)
    np.testing.assert_array_equal(run(x), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 5), (2, 33, 7), (129, 130), (70, 1, 257)], ids=str)
def test_kernel_and_reference_agree(shape, dtype, rng, assert_close):
    x, dy = 9 * rng.standard_normal((2, *shape)).astype(np.float32)

    def passes(dtype):
        y, saved = ops.soft_cap_forward(x.astype(dtype), 15.0)
        return y, ops.soft_cap_backward(dy.astype(dtype), saved)

    actual = passes(dtype)
    with kernels.disabled():
        expected = passes(np.float64)
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == dtype
        assert_close(a, e, 1e-6 if dtype == np.float32 else 1e-14)


def test_only_the_backward_pass_has_a_kernel_in_float64(rng, monkeypatch):
    called = []
    monkeypatch.setattr(soft_cap, "soft_cap_forward", lambda x, cap, y: called.append("forward"))
    monkeypatch.setattr(soft_cap, "soft_cap_backward", lambda *rest: called.append("backward"))
    for dtype, expected in ((np.float32, ["forward", "backward"]), (np.float64, ["backward"])):
        called.clear()
        x = rng.standard_normal((3, 5)).astype(dtype)
        _, saved = ops.soft_cap_forward(x, 2.0)
        ops.soft_cap_backward(x, saved)
        assert called == expected
    called.clear()
    with kernels.disabled():
        _, saved = ops.soft_cap_forward(x.astype(np.float32), 2.0)
        ops.soft_cap_backward(x.astype(np.float32), saved)
    assert called == []
