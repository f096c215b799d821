"""Calling a compiled piece by its address."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from scratchgpt.kernels.apart import address_of, call  # noqa: E402
from scratchgpt.kernels.jit import part  # noqa: E402


@part
def add_times(x, factor, out):
    for i in range(x.size):
        out[i] += factor * x[i]


find = address_of(add_times, lambda like: (like, like.dtype.type(0), like))


@numba.njit
def twice(address, x, factor, out):
    for _ in range(2):
        call(add_times, address, (x, factor, out))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_piece_does_its_work(dtype):
    x, out = np.arange(5, dtype=dtype), np.ones(5, dtype)
    twice(find(x), x, dtype(3), out)
    np.testing.assert_array_equal(out, 1 + 6 * x)


def test_an_address_is_found_once_for_each_dtype():
    single, double = np.empty(0, np.float32), np.empty(0)
    assert find(single) == find(np.ones(3, np.float32)) != find(double)


def test_arguments_of_other_types_than_the_piece_was_compiled_for_are_refused():
    x = np.ones(3, np.float32)
    with pytest.raises(TypeError, match="but compiled for"):
        twice(find(x), x, np.float64(3), x)
