"""Products in bfloat16, compared with products of the rounded factors in float64."""

import numpy as np
import pytest

from scratchgpt.kernels import gemm
from scratchgpt.precision import products_in, round_to_bfloat16

pytest.importorskip("numba")

# (M, K, N): one number, odd sums, partial vectors and tiles, more than one panel.
SIZES = [(1, 1, 1), (5, 3, 7), (8, 2, 32), (9, 33, 31), (33, 65, 70), (40, 1025, 130), (520, 64, 9)]
each_size = pytest.mark.parametrize("size", SIZES, ids=str)
each_layout = pytest.mark.parametrize("layout", ["CC", "CF", "FC", "FF"])
# The CPU instruction, and the replacement for it on other processors.
each_way = pytest.mark.parametrize("instruction", [gemm.HAS_BFLOAT16_DOT, False])


def draw(rng, *shape, layout="C"):
    return np.asarray(rng.standard_normal(shape), np.float32, order=layout)


def problem(rng, size, layout):
    m, k, n = size
    return draw(rng, m, k, layout=layout[0]), draw(rng, k, n, layout=layout[1])


def product(a, b, out=None, **options):
    out = np.full((a.shape[0], b.shape[1]), np.nan, np.float32) if out is None else out
    with products_in("bf16"):
        gemm.matmul(a, b, out, **options)
    return out


def exact(a, b):
    return round_to_bfloat16(a).astype(np.float64) @ round_to_bfloat16(b).astype(np.float64)


@each_way
@each_layout
@each_size
def test_products(size, layout, instruction, rng, assert_close, monkeypatch):
    monkeypatch.setattr(gemm, "HAS_BFLOAT16_DOT", instruction)
    a, b = problem(rng, size, layout)
    bias, so_far = draw(rng, size[2]), draw(rng, size[0], size[2])
    expected = exact(a, b)
    assert_close(product(a, b), expected, 1e-6)
    assert_close(product(a, b, bias=bias), expected + bias, 1e-6)
    assert_close(product(a, b, so_far.copy(), accumulate=True), expected + so_far, 1e-6)
    assert_close(product(b.T, a.T, np.empty((size[0], size[2]), np.float32).T).T, expected, 1e-6)


@each_layout
def test_numbers_are_rounded_as_the_reference_rounds_them(layout, rng):
    """A product with the identity gives the rounded factor, left or right, bit for bit."""
    bits = rng.integers(0, 2**32, (70, 70), dtype=np.uint32)
    x = bits.view(np.float32)
    x = np.asarray(np.where(np.abs(x) < 1e-30, 0, x), np.float32, order=layout[0])
    x[~np.isfinite(x)] = 1
    x[np.abs(x) > 3e38] = 1
    identity = np.asarray(np.eye(70), np.float32, order=layout[1])
    np.testing.assert_array_equal(product(x, identity), round_to_bfloat16(x))
    np.testing.assert_array_equal(product(identity, x), round_to_bfloat16(x))


@each_layout
def test_nan_and_infinity_are_kept(layout, rng):
    a, b = problem(rng, (9, 34, 33), layout)
    a[2, 3], a[5, 4] = np.nan, np.inf
    y = product(a, b)
    assert np.isnan(y[2]).all()
    assert not np.isfinite(y[5]).any()
    assert np.isfinite(y[[0, 1, 3, 4, 6, 7, 8]]).all()


@each_layout
def test_any_number_of_threads_gives_the_same_bits(layout, rng, n_threads):
    a, b = problem(rng, (300, 257, 330), layout)
    results = []
    for n in (1, 2):
        n_threads(n)
        results.append(product(a, b))
    np.testing.assert_array_equal(*results)


def test_float64_is_not_rounded(rng):
    a, b = (x.astype(np.float64) for x in problem(rng, (9, 17, 20), "CC"))
    y = product(a, b, np.empty((9, 20)))
    np.testing.assert_allclose(y, a @ b, rtol=1e-12, atol=1e-12)
