import numpy as np
import pytest

from scratchgpt.ops import (
    residual_forward,
    residual_rms_norm_backward,
    residual_rms_norm_forward,
    rms_norm_backward,
    rms_norm_forward,
)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("has_weight", [True, False])
def test_it_is_a_residual_and_then_an_rms_norm(dtype, has_weight, rng, assert_close):
    x, branch, dy, dn = rng.normal(size=(4, 5, 3, 7)).astype(dtype)
    weight = rng.normal(size=7).astype(dtype) if has_weight else None
    (y, n), saved = residual_rms_norm_forward(x, branch, weight, eps=0.01)
    dx, dbranch, dweight = residual_rms_norm_backward((dy, dn), saved)

    expected_y, _ = residual_forward(x, branch)
    expected_n, norm = rms_norm_forward(expected_y, weight, eps=0.01)
    dsum, expected = rms_norm_backward(dn, norm)
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_array_equal(y, expected_y)
    assert y.dtype == n.dtype == dx.dtype == dtype
    assert_close(n, expected_n, tolerance)
    assert_close(dx, dsum + dy, tolerance)
    assert dbranch is dx
    assert (dweight is None) == (expected is None) == (not has_weight)
    if has_weight:
        assert_close(dweight, expected, tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("over", ["branch", "x"])
def test_the_sum_may_be_written_over_either_of_its_terms(dtype, over, rng, assert_close):
    x, branch, dy, dn = rng.normal(size=(4, 40, 6)).astype(dtype)
    weight = rng.normal(size=6).astype(dtype)
    (y, n), saved = residual_rms_norm_forward(x, branch, weight)
    terms = {"x": x.copy(), "branch": branch.copy()}
    room = np.empty((6, 40), dtype).T  # in a layout that the kernels do not write
    (total, normed), over_saved = residual_rms_norm_forward(
        **terms, weight=weight, y_out=terms[over], n_out=room
    )
    assert total is terms[over]
    assert normed is room
    np.testing.assert_array_equal(total, y)
    assert_close(normed, n, 1e-5)
    other = "x" if over == "branch" else "branch"
    np.testing.assert_array_equal(terms[other], {"x": x, "branch": branch}[other])
    a, b = (residual_rms_norm_backward((dy, dn), s)[0] for s in (saved, over_saved))
    assert_close(a, b, 1e-5)
    (again, _), _ = residual_rms_norm_forward(x, branch, weight, y_out=branch)
    np.testing.assert_array_equal(again, y)


def test_dx_may_overwrite_the_gradient_of_the_norm(rng, assert_close):
    x, branch, dy, dn = rng.normal(size=(4, 5, 6))
    _, saved = residual_rms_norm_forward(x, branch, rng.normal(size=6))
    expected, _, dweight = residual_rms_norm_backward((dy, dn), saved)
    dx, _, dweight_over = residual_rms_norm_backward((dy, dn), saved, dx_out=dn)
    assert dx is dn
    assert_close(dx, expected, 1e-15)
    assert_close(dweight_over, dweight, 1e-15)


def test_shapes_and_dtypes_must_fit():
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"residual_rms_norm: x is \(2, 3\) but branch is \(3,\)"):
        residual_rms_norm_forward(x, np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=r"residual_rms_norm: x has 3 channels but weight is"):
        residual_rms_norm_forward(x, x, np.ones(4))
    with pytest.raises(TypeError, match="x is float64 but branch is float32"):
        residual_rms_norm_forward(x, x.astype(np.float32))
    with pytest.raises(TypeError, match="residual_rms_norm: x is float64 but weight is float32"):
        residual_rms_norm_forward(x, x, np.ones(3, np.float32))
    with pytest.raises(ValueError, match="residual_rms_norm: eps"):
        residual_rms_norm_forward(x, x, eps=-1.0)
