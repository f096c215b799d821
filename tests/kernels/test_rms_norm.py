"""The kernel of RMS normalization, compared with the reference in float64."""

import numpy as np
import pytest

from scratchgpt import kernels, ops

numba = pytest.importorskip("numba")

from scratchgpt.kernels import rms_norm  # noqa: E402 (it needs Numba)
from scratchgpt.kernels.parts.rows import places_of, readable  # noqa: E402

# One block of rows and several, rows longer than a block, and odd numbers of everything.
SHAPES = [(3, 5), (2, 33, 7), (129, 130), (70, 1, 257), (2, 3, 2, 5, 6), (3, 20_001)]
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
each_weight = pytest.mark.parametrize("has_weight", [True, False])


def arrays(rng, n, shape, has_weight):
    weight = rng.standard_normal(shape[-1]).astype(np.float32) if has_weight else None
    return [*rng.standard_normal((n, *shape)).astype(np.float32), weight]


def run(passes, arrays, dtype):
    """Return the results of a function of arrays, in a dtype."""
    found = passes(*(None if x is None else x.astype(dtype) for x in arrays))
    return [x for x in found if x is not None]


def assert_the_kernel_equals_the_reference(passes, arrays, dtype, assert_close):
    actual = run(passes, arrays, dtype)
    with kernels.disabled():
        expected = run(passes, arrays, np.float64)
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == dtype
        assert_close(a, e, 1e-5 if dtype == np.float32 else 1e-13)


def norm(x, dy, around, weight):
    y, saved = ops.rms_norm_forward(x, weight)
    return y, saved.rstd, *ops.rms_norm_backward(dy, saved, residual_gradient=around)


def norm_of_sum(x, branch, dy, dn, weight):
    (y, n), saved = ops.residual_rms_norm_forward(x, branch, weight)
    return y, n, *ops.residual_rms_norm_backward((dy, dn), saved)


@each_dtype
@each_shape
@each_weight
def test_the_norm(shape, has_weight, dtype, rng, assert_close):
    inputs = arrays(rng, 3, shape, has_weight)
    assert_the_kernel_equals_the_reference(norm, inputs, dtype, assert_close)


@each_dtype
@each_shape
@each_weight
def test_the_norm_of_a_sum(shape, has_weight, dtype, rng, assert_close):
    inputs = arrays(rng, 4, shape, has_weight)
    assert_the_kernel_equals_the_reference(norm_of_sum, inputs, dtype, assert_close)


@each_dtype
def test_views_of_heads_are_not_copied(dtype, rng, assert_close, monkeypatch):
    """Four layouts in one call: x, dy and dx of all heads side by side, and a reversed one."""
    shape = 2, 5, 3, 4  # (B, T, H, D)
    x, dy, around, dx = rng.standard_normal((4, *shape)).astype(dtype).swapaxes(2, 3)
    around = around[:, ::-1, ::-1]
    weight = rng.standard_normal(4).astype(dtype)
    y, saved = ops.rms_norm_forward(x.copy(), weight)
    expected, dweight = ops.rms_norm_backward(dy.copy(), saved, residual_gradient=around.copy())

    monkeypatch.setattr(np, "ascontiguousarray", lambda array: refuse_views(array))
    rstd = np.full((*x.shape[:-1], 1), np.nan, dtype)
    out = np.empty(shape, dtype).swapaxes(1, 2)
    rms_norm.rms_norm_forward(x, weight, 1e-6, out, rstd)
    assert_close(out, y, 1e-6)
    np.testing.assert_array_equal(rstd, saved.rstd)
    actual = rms_norm.rms_norm_backward(dy, x, weight, rstd, around, dx)
    assert_close(dx, expected, 1e-6)
    assert_close(actual, dweight, 1e-6)


def refuse_views(array):
    assert array.flags.c_contiguous, "a view was copied"
    return array


def test_rows_that_are_not_contiguous_are_copied(rng):
    x = rng.standard_normal((4, 6)).astype(np.float32)
    for view in (x[:, ::2], x[:, ::-1], x.T):
        assert readable(view) is not view
    for view in (x, x[::-1], x[:, 1:4], x.reshape(2, 2, 6).swapaxes(0, 1)):
        assert readable(view) is view
    assert readable(None) is None


def test_rows_are_visited_in_the_order_of_memory():
    x = np.zeros((2, 5, 3, 4), np.float32).swapaxes(1, 2)  # (B, H, T, D)
    other = np.zeros((2, 3, 5, 1), np.float32)
    sizes, of_x, of_other, absent = places_of(x, other, None).tolist()
    assert sizes == [2, 5, 3, 4]  # B, T, H, D
    assert of_x == [x.ctypes.data, 240, 48, 16]
    assert of_other == [other.ctypes.data, 60, 4, 20]
    assert absent == [0, 0, 0, 0]


@each_dtype
def test_the_bits_do_not_depend_on_the_threads(dtype, n_threads):
    def all_of_it():
        generator = np.random.default_rng(0)
        x, dy, around, weight = arrays(generator, 3, (900, 130), True)
        return run(norm, [x, dy, around, weight], dtype)

    results = []
    for n in (1, numba.config.NUMBA_NUM_THREADS):
        n_threads(n)
        results.append(all_of_it())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_nan_stays_in_its_row(rng):
    x = rng.standard_normal((3, 9)).astype(np.float32)
    x[1, 4] = np.nan
    y, saved = ops.rms_norm_forward(x)
    dx, _ = ops.rms_norm_backward(np.ones_like(x), saved)
    for result in (y, dx):
        assert np.isnan(result[1]).all()
        assert np.isfinite(result[[0, 2]]).all()


def test_arrays_that_may_not_be_written_to_or_are_not_aligned(rng):
    x, weight = rng.standard_normal((5, 8)).astype(np.float32), np.full(8, 2, np.float32)
    expected, saved = ops.rms_norm_forward(x, weight)
    gradients = ops.rms_norm_backward(x, saved)
    bytes_ = np.empty(x.nbytes + 1, np.uint8)
    unaligned = np.frombuffer(bytes_.data, np.float32, x.size, offset=1).reshape(x.shape)
    unaligned[...] = x
    for array in (x, unaligned):
        array.flags.writeable = False
        y, saved = ops.rms_norm_forward(array, weight)
        np.testing.assert_array_equal(y, expected)
        for actual, wanted in zip(ops.rms_norm_backward(array, saved), gradients, strict=True):
            np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize("name", ["rms_norm", "residual_rms_norm"])
def test_inside_disabled_the_reference_computes(name, rng, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("a kernel was called")

    monkeypatch.setattr(rms_norm, f"{name}_forward", refuse)
    monkeypatch.setattr(rms_norm, "rms_norm_backward", refuse)
    x = rng.standard_normal((3, 5))
    forward, backward = getattr(ops, f"{name}_forward"), getattr(ops, f"{name}_backward")
    inputs, upstream = ((x,), x) if name == "rms_norm" else ((x, x), (x, x))
    with kernels.disabled():
        _, saved = forward(*inputs)
        backward(upstream, saved)
    with pytest.raises(AssertionError, match="a kernel was called"):
        forward(*inputs)
    with pytest.raises(AssertionError, match="a kernel was called"):
        backward(upstream, saved)
