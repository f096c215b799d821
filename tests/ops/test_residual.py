import numpy as np
import pytest

from scratchgpt.ops import residual_backward, residual_forward


def test_it_is_a_sum_whose_gradient_flows_into_both(rng):
    x, branch, dy = rng.normal(size=(3, 2, 4))
    y, saved = residual_forward(x, branch)
    np.testing.assert_array_equal(y, x + branch)
    for gradient in residual_backward(dy, saved):
        np.testing.assert_array_equal(gradient, dy)


def test_shapes_do_not_broadcast():
    with pytest.raises(ValueError, match=r"residual: x is \(2, 3\) but branch is \(3,\)"):
        residual_forward(np.ones((2, 3)), np.ones(3))


def test_mixed_dtypes_are_refused():
    with pytest.raises(TypeError, match="x is float64 but branch is float32"):
        residual_forward(np.ones(3), np.ones(3, np.float32))
