"""The exponential and the tangent of the kernels, compared with those of the library."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from scratchgpt.kernels.parts.fast_math import exp, tanh  # noqa: E402 (it needs Numba)


@numba.njit
def each_exp(x, y):
    for i in range(x.size):
        y[i] = exp(x[i])


def run(x):
    y = np.empty_like(x)
    each_exp(x, y)
    return y


@pytest.mark.parametrize(("dtype", "far", "tolerance"), [("f4", 80, 4e-7), ("f8", 700, 3e-16)])
def test_its_relative_error(dtype, far, tolerance):
    for bound in (1, far):
        x = np.linspace(-bound, bound, 100_001).astype(dtype)
        expected = np.exp(x.astype(np.longdouble))
        assert np.abs(run(x) / expected - 1).max() <= tolerance


@pytest.mark.parametrize(("dtype", "low", "high"), [("f4", -88, 89), ("f8", -709, 710)])
def test_its_limits(dtype, low, high):
    x = np.array([-np.inf, 100 * low, low, 0, high, 100 * high, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(run(x), [0, 0, 0, 1, np.inf, np.inf, np.inf, np.nan])


@numba.njit
def each_tanh(x, y):
    for i in range(x.size):
        y[i] = tanh(x[i])


@pytest.mark.parametrize(("dtype", "tolerance"), [("f4", 6e-7), ("f8", 6e-15)])
def test_the_relative_error_of_the_tangent(dtype, tolerance):
    for bound in (1e-8, 0.1, 1, 30):
        x = np.linspace(-bound, bound, 100_000).astype(dtype)  # without 0
        y = np.empty_like(x)
        each_tanh(x, y)
        assert np.abs(y / np.tanh(x.astype(np.longdouble)) - 1).max() <= tolerance


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_limits_of_the_tangent(dtype):
    x = np.array([-np.inf, -1e30, 0, 1e30, np.inf, np.nan], dtype)
    y = np.empty_like(x)
    each_tanh(x, y)
    np.testing.assert_array_equal(y, [-1, -1, 0, 1, 1, np.nan])
