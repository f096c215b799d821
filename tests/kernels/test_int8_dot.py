"""Products of int8 weights and inputs rounded to int16: the sums are exact."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from scratchgpt.kernels.cpu import HAS_INT16_DOT  # noqa: E402
from scratchgpt.kernels.int8_dot import int8_dot, round_inputs  # noqa: E402


@numba.njit
def rounded_dot(row, x, rounded):
    unit = round_inputs(x, rounded)
    return int8_dot(row, rounded), unit


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
def test_it_holds_the_largest_sum_there_can_be():
    n = 8192
    row, x = np.full(n, 127, np.int8), np.ones(n, np.float32)
    assert rounded_dot(row, x, np.zeros(n, np.int16))[0] == 127 * 32767 * n


@needs_the_instruction
def test_inputs_of_zeros_stay_zeros():
    rounded = np.ones(40, np.int16)
    assert rounded_dot(np.ones(40, np.int8), np.zeros(40, np.float32), rounded) == (0, 0)
    assert not rounded.any()
