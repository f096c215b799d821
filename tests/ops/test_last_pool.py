import numpy as np
import pytest

from scratchgpt.ops import last_pool_backward, last_pool_forward

X = np.arange(12.0).reshape(2, 3, 2)


def test_it_is_the_state_at_the_last_token():
    y, _ = last_pool_forward(X, np.array([2, 3]))
    np.testing.assert_array_equal(y, [X[0, 1], X[1, 2]])


def test_only_the_last_token_gets_a_gradient():
    _, saved = last_pool_forward(X, np.array([2, 1]))
    dx = last_pool_backward(np.array([[2.0, 4.0], [3.0, 5.0]]), saved)
    np.testing.assert_array_equal(dx, [[[0, 0], [2, 4], [0, 0]], [[3, 5], [0, 0], [0, 0]]])


def test_states_after_the_last_token_do_not_matter(rng):
    x = rng.normal(size=(2, 4, 3))
    y, _ = last_pool_forward(x, np.array([2, 3]))
    x[0, 2:] = x[1, 3:] = np.nan
    np.testing.assert_array_equal(last_pool_forward(x, np.array([2, 3]))[0], y)


def test_the_result_is_a_copy(rng):
    x = rng.normal(size=(2, 4, 3))
    y, _ = last_pool_forward(x, np.array([4, 4]))
    assert not np.shares_memory(y, x)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_lengths_may_be_any_integers(dtype):
    y, saved = last_pool_forward(X, np.array([1, 3], dtype))
    np.testing.assert_array_equal(y, [X[0, 0], X[1, 2]])
    np.testing.assert_array_equal(last_pool_backward(y, saved)[1, 2], X[1, 2])


def test_lengths_shapes_and_dtypes_are_checked():
    with pytest.raises(ValueError, match="last_pool: lengths are 0 to 3; use 1 to 3"):
        last_pool_forward(X, np.array([0, 3]))
    with pytest.raises(TypeError, match="last_pool: lengths must be an integer array, got bool"):
        last_pool_forward(X, np.array([True, True]))
    _, saved = last_pool_forward(X, np.array([1, 2]))
    with pytest.raises(ValueError, match=r"last_pool: the output is \(2, 2\) but dy is \(3, 2\)"):
        last_pool_backward(np.ones((3, 2)), saved)
