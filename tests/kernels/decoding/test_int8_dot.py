"""Products of int8 weights and inputs rounded to int16: the sums are exact."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from scratchgpt.kernels.compiler.cpu import HAS_INT16_DOT  # noqa: E402
from scratchgpt.kernels.decoding.int8_dot import int8_dots, round_inputs  # noqa: E402


@numba.njit
def products(rows, x, rounded):
    """Return the dot products of ``rows`` with each row of x, and their units."""
    units, sums = np.zeros(len(x), np.float32), np.zeros((len(x), 2 * len(rows)), np.float32)
    for r in range(len(x)):
        units[r] = round_inputs(x[r], rounded[r])
    int8_dots(rows, rounded, sums[:, 1::2])
    return sums[:, 1::2], units


def rounded_dot(row, x, rounded):
    [[total]], [unit] = products(row[None], x[None], rounded[None])
    return total, unit


needs_the_instruction = pytest.mark.skipif(
    not HAS_INT16_DOT, reason="this CPU multiplies int8 weights in float32"
)


@needs_the_instruction
@pytest.mark.parametrize("n", [1, 31, 32, 33, 768, 8192, 8200, 20_000])
def test_the_sum_is_that_of_the_integers(n, rng):
    row = rng.integers(-127, 128, n, dtype=np.int8)
    x = rng.standard_normal(n).astype(np.float32)
    rounded = np.zeros(n, np.int16)
    total, unit = rounded_dot(row, x, rounded)
    assert np.abs(rounded).max() == 32767
    assert np.abs(rounded * float(unit) - x).max() <= 0.501 * unit
    assert total == pytest.approx(row.astype(np.int64) @ rounded, rel=1e-6)


@needs_the_instruction
@pytest.mark.parametrize("n_rows", [1, 4, 6])
@pytest.mark.parametrize("n_inputs", [2, 4, 7, 8])
def test_several_inputs_and_rows_get_what_each_gets_alone(n_rows, n_inputs, rng):
    rows = rng.integers(-127, 128, (n_rows, 8250), dtype=np.int8)
    x = rng.standard_normal((n_inputs, 8250)).astype(np.float32)
    together, _ = products(rows, x, np.zeros(x.shape, np.int16))
    alone = [[rounded_dot(row, one, np.zeros(one.shape, np.int16))[0] for row in rows] for one in x]
    np.testing.assert_array_equal(together, alone)


@needs_the_instruction
def test_it_holds_the_largest_sum_there_can_be():
    n = 8192
    row, x = np.full(n, 127, np.int8), np.ones(n, np.float32)
    assert rounded_dot(row, x, np.zeros(n, np.int16))[0] == 127 * 32767 * n


@needs_the_instruction
def test_inputs_of_zeros_stay_zeros():
    rounded = np.ones(40, np.int16)
    assert rounded_dot(np.ones(40, np.int8), np.zeros(40, np.float32), rounded) == (0, 0)
    assert not rounded.any()


@needs_the_instruction
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_kept(value):
    x = np.ones(40, np.float32)
    x[7] = value
    total, unit = rounded_dot(np.ones(40, np.int8), x, np.zeros(40, np.int16))
    assert not np.isfinite(float(total) * float(unit))
