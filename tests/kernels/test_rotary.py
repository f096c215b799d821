"""The rotation in place, compared with the reference, on views of a buffer of all heads."""

import numpy as np
import pytest

from scratchgpt import kernels, ops

numba = pytest.importorskip("numba")

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
each_pairing = pytest.mark.parametrize("pairing", ["halves", "neighbors"])
# Head sizes below, at and beyond a vector; more positions than a block of a thread.
SIZES = [(2, 3, 5, 2), (1, 2, 7, 6), (3, 4, 9, 32), (2, 5, 70, 64), (1, 3, 6, 80)]  # B, H, T, D
each_size = pytest.mark.parametrize("sizes", SIZES, ids=str)


def views(rng, sizes, dtype):
    """The queries, keys and values (B, H, T, D) of a buffer (B, T, 3, H, D)."""
    n_batch, n_head, n_time, d = sizes
    buffer = rng.standard_normal((n_batch, n_time, 3, n_head, d)).astype(dtype)
    return buffer, buffer.transpose(2, 0, 3, 1, 4)


def tables(rng, *shape, dtype):
    angles = 3 * rng.standard_normal(shape)
    return np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)


def in_float64(rotate, x, *rest):
    """The result of the reference in float64."""
    with kernels.disabled():
        return rotate(x.astype(np.float64), *rest)


@each_dtype
@each_pairing
@each_size
@pytest.mark.parametrize("own", [False, True], ids=["one table", "a table for each text"])
def test_views_of_the_buffer_are_rotated_in_place(sizes, own, pairing, dtype, rng, assert_close):
    n_batch, _, n_time, d = sizes
    buffer, (_, k, _) = views(rng, sizes, dtype)
    cos, sin = tables(rng, *((n_batch, 1) if own else ()), n_time, d // 2, dtype=dtype)
    before, tolerance = buffer.copy(), 1e-6 if dtype == np.float32 else 1e-14
    wide = [table.astype(np.float64) for table in (cos, sin)]
    expected, wide_saved = in_float64(ops.rotary_forward, k, *wide, pairing)
    y, saved = ops.rotary_forward(k, cos, sin, pairing, y_out=k)
    assert y is k
    assert_close(k, expected, tolerance)
    np.testing.assert_array_equal(buffer[:, :, ::2], before[:, :, ::2])
    expected = in_float64(ops.rotary_backward, k, wide_saved)
    assert ops.rotary_backward(k, saved, dx_out=k) is k
    assert_close(k, expected, tolerance)
    assert_close(buffer, before, tolerance)


@each_dtype
@each_pairing
@pytest.mark.parametrize("axes", [(4, 6), (3, 4, 6), (2, 3, 4, 6), (2, 1, 3, 4, 6)], ids=str)
@pytest.mark.parametrize("shape", [(4, 3), (1, 3), (4, 1), (1,), ()], ids=str)
def test_axes_may_be_missing_or_repeated(axes, shape, pairing, dtype, rng, assert_close):
    x, (cos, sin) = rng.standard_normal(axes).astype(dtype), tables(rng, *shape, dtype=dtype)
    cos, sin = np.asarray(cos), np.asarray(sin)
    y, saved = ops.rotary_forward(x, cos, sin, pairing)
    dx = ops.rotary_backward(y, saved)
    with kernels.disabled():
        expected, saved = ops.rotary_forward(x, cos, sin, pairing)
        expected_dx = ops.rotary_backward(y, saved)
    assert_close(y, expected, 1e-6 if dtype == np.float32 else 1e-14)
    assert_close(dx, expected_dx, 1e-6 if dtype == np.float32 else 1e-14)


@each_dtype
def test_a_view_whose_channels_are_apart_is_rotated_by_the_reference(dtype, rng, assert_close):
    cos, sin = tables(rng, 4, 3, dtype=dtype)
    wide = rng.standard_normal((2, 4, 12)).astype(dtype)
    x = wide[..., ::2]
    expected, _ = ops.rotary_forward(x.copy(), cos, sin)
    others = wide[..., 1::2].copy()
    ops.rotary_forward(x, cos, sin, y_out=x)
    assert_close(x, expected, 1e-6 if dtype == np.float32 else 1e-14)
    np.testing.assert_array_equal(wide[..., 1::2], others)


@each_pairing
def test_the_bits_do_not_depend_on_the_threads(pairing, n_threads):
    results = []
    for n in (1, numba.config.NUMBA_NUM_THREADS):
        n_threads(n)
        rng = np.random.default_rng(0)
        _, (q, *_) = views(rng, (3, 4, 90, 32), np.float32)
        ops.rotary_forward(q, *tables(rng, 90, 16, dtype=np.float32), pairing, y_out=q)
        results.append(q)
    np.testing.assert_array_equal(*results)
