import numpy as np
import pytest

from scratchgpt.ops import (
    layer_norm_backward,
    layer_norm_forward,
    residual_forward,
    residual_layer_norm_backward,
    residual_layer_norm_forward,
)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("has_bias", [True, False])
def test_it_is_a_residual_and_then_a_layer_norm(dtype, has_bias, rng, assert_close):
    x, branch, dy, dn = rng.normal(size=(4, 5, 3, 7)).astype(dtype)
    parameters = list(1 + rng.normal(size=(1 + has_bias, 7)).astype(dtype))
    (y, n), saved = residual_layer_norm_forward(x, branch, *parameters, eps=0.01)
    dx, dbranch, *gradients = residual_layer_norm_backward((dy, dn), saved)

    expected_y, _ = residual_forward(x, branch)
    expected_n, norm = layer_norm_forward(expected_y, *parameters, eps=0.01)
    dsum, *expected = layer_norm_backward(dn, norm)
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_array_equal(y, expected_y)
    assert y.dtype == n.dtype == dx.dtype == dtype
    assert_close(n, expected_n, tolerance)
    assert_close(dx, dsum + dy, tolerance)
    assert dbranch is dx
    for actual, wanted in zip(gradients, expected, strict=True):
        assert (actual is None) == (wanted is None)
        if wanted is not None:
            assert_close(actual, wanted, tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_sum_may_be_written_over_the_branch(dtype, rng):
    x, branch, dy, dn = rng.normal(size=(4, 40, 6)).astype(dtype)
    weight, bias = rng.normal(size=(2, 6)).astype(dtype)
    (y, n), saved = residual_layer_norm_forward(x, branch, weight, bias)
    over = branch.copy()
    room = np.empty((6, 40), dtype).T  # in a layout that the kernels do not write
    (sum_, normed), over_saved = residual_layer_norm_forward(
        x, over, weight, bias, y_out=over, n_out=room
    )
    assert sum_ is over
    assert normed is room
    np.testing.assert_array_equal(sum_, y)
    np.testing.assert_allclose(normed, n, rtol=1e-5, atol=1e-6)
    a, b = (residual_layer_norm_backward((dy, dn), s)[0] for s in (saved, over_saved))
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_shapes_and_dtypes_must_fit():
    x = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"x is \(2, 3\) but branch is \(3,\)"):
        residual_layer_norm_forward(x, np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=r"x has 3 channels but weight is \(4,\)"):
        residual_layer_norm_forward(x, x, np.ones(4))
    with pytest.raises(TypeError, match="x is float64 but branch is float32"):
        residual_layer_norm_forward(x, x.astype(np.float32), np.ones(3))
