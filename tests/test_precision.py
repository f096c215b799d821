"""Rounding to bfloat16, and the products that use it."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.ops import linear_backward, linear_forward
from scratchgpt.precision import (
    factors,
    in_bfloat16,
    multiply,
    products_in,
    round_to_bfloat16,
)

# The spacing of bfloat16 is 2^-7 from 1 to 2.
ROUNDED = [
    (1.0, 1.0),
    (1 + 2**-9, 1.0),
    (1 + 2**-8, 1.0),  # a tie: to even
    (1 + 2**-8 + 2**-20, 1 + 2**-7),
    (1 + 3 * 2**-8, 1 + 2**-6),  # another tie
    (2 - 2**-9, 2.0),  # to the next power of two
    (-1 - 3 * 2**-9, -1 - 2**-7),
    (0.0, 0.0),
    (3e38, 3.0040553e38),
    (3.4e38, np.inf),
    (-np.inf, -np.inf),
    (np.nan, np.nan),
]


@pytest.mark.parametrize(("number", "expected"), ROUNDED)
def test_numbers_are_rounded_to_nearest_even(number, expected):
    rounded = round_to_bfloat16(np.array([number], np.float32))
    assert rounded.dtype == np.float32
    np.testing.assert_array_equal(rounded, np.float32([expected]))


def test_a_zero_keeps_its_sign():
    assert np.signbit(round_to_bfloat16(np.float32([-0.0]))[0])


def test_random_numbers_are_those_of_pytorch(torch, rng):
    bits = rng.integers(0, 2**32, 100_000, dtype=np.uint32)
    x = bits.view(np.float32)
    expected = torch.from_numpy(x.copy()).to(torch.bfloat16).to(torch.float32).numpy()
    np.testing.assert_array_equal(round_to_bfloat16(x), expected)


def test_nothing_is_rounded_outside_the_block_or_in_another_precision(rng):
    x = rng.standard_normal(5)
    assert factors(x.astype(np.float32), x)[1] is x
    with products_in("bf16"):
        assert in_bfloat16(np.dtype(np.float32))
        for other in (x, x.astype(complex)):
            assert factors(other)[0] is other
        with products_in("float32"):
            assert not in_bfloat16(np.dtype(np.float32))
    assert not in_bfloat16(np.dtype(np.float32))


@pytest.mark.parametrize("compiled", [True, False])
def test_a_linear_map_and_its_gradients_use_rounded_factors(rng, assert_close, compiled):
    """Factors are rounded, but not the bias or the gradients that results are added to."""
    shapes = (2, 9, 37), (37, 41), (2, 9, 41)
    x, weight, dy = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    bias, dweight = rng.standard_normal(41).astype(np.float32), np.ones((37, 41), np.float32)
    before = weight.copy()
    with kernels.disabled(*([] if not compiled else [np.float64])), products_in("bf16"):
        y, saved = linear_forward(x, weight, bias)
        dx, dweight, dbias = linear_backward(dy, saved, dweight_into=dweight)
    np.testing.assert_array_equal(weight, before)
    x, weight, rounded_dy = (round_to_bfloat16(a).astype(np.float64) for a in (x, weight, dy))
    assert_close(y, x @ weight + bias, 1e-6, "y")
    assert_close(dx, rounded_dy @ weight.T, 1e-6, "dx")
    assert_close(dweight, 1 + np.einsum("btc,btk->ck", x, rounded_dy), 1e-6, "dweight")
    assert_close(dbias, dy.astype(np.float64).sum((0, 1)), 1e-6, "dbias")
    assert {a.dtype for a in (y, dx, dweight, dbias)} == {np.dtype(np.float32)}


class TensorCores:
    """The part of CuPy that chooses the type in which cuBLAS computes."""

    class _routines_linalg:
        COMPUTE_TYPE_TF32 = 7

    def __init__(self):
        self.types = {np.dtype(np.float32): 0}
        self.changes = []

    def get_compute_type(self, dtype):
        return self.types[np.dtype(dtype)]

    def set_compute_type(self, dtype, kind):
        self.types[np.dtype(dtype)] = kind
        self.changes.append(kind)


@pytest.mark.parametrize(
    ("precision", "dtype", "expected"),
    [
        ("float32", np.float32, []),
        ("tf32", np.float32, [7, 0, 7, 0, 7, 0]),
        ("bf16", np.float32, [7, 0, 7, 0, 7, 0]),
        ("tf32", np.float64, []),
    ],
)
def test_linear_maps_use_tensor_cores_and_restore_the_type(
    strict, monkeypatch, precision, dtype, expected
):
    core = TensorCores()
    monkeypatch.setattr(strict, "_core", core, raising=False)
    x, weight, dy = (strict.ones(shape, dtype) for shape in ((4, 3), (3, 2), (4, 2)))
    with products_in(precision):
        _, saved = linear_forward(x, weight)
        linear_backward(dy, saved)
    assert core.changes == expected


def test_the_type_is_restored_after_an_error(strict, monkeypatch):
    core = TensorCores()
    monkeypatch.setattr(strict, "_core", core, raising=False)
    x = strict.ones((4, 3), np.float32)
    with products_in("tf32"), pytest.raises(ValueError, match="mismatch"):
        multiply(x, x, out=x)
    assert core.types[np.dtype(np.float32)] == 0


def test_cupy_has_what_chooses_the_type():
    core = pytest.importorskip("cupy")._core
    assert isinstance(core.get_compute_type(np.float32), int)
    assert core._routines_linalg.COMPUTE_TYPE_TF32 == TensorCores._routines_linalg.COMPUTE_TYPE_TF32
    assert callable(core.set_compute_type)
