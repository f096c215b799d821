import numpy as np
import pytest

from scratchgpt.ops import broadcast_backward, broadcast_forward


def test_values_are_repeated_and_their_gradients_summed():
    y, saved = broadcast_forward(np.array([[1.0], [2.0]]), (3, 2, 2))
    np.testing.assert_array_equal(y, [[[1, 1], [2, 2]]] * 3)
    dx = broadcast_backward(np.arange(12.0).reshape(3, 2, 2), saved)
    np.testing.assert_array_equal(dx, [[27], [39]])


def test_the_output_is_a_copy_that_may_be_written(rng):
    x = rng.normal(size=3)
    y, _ = broadcast_forward(x, (2, 3))
    y[...] = 0
    assert (x != 0).all()


def test_what_does_not_broadcast_is_refused():
    with pytest.raises(ValueError, match="broadcast"):
        broadcast_forward(np.ones(3), (2, 4))
