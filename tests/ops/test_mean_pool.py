import numpy as np
import pytest

from scratchgpt.ops import mean_pool_backward, mean_pool_forward

X = np.arange(12.0).reshape(2, 3, 2)


def test_each_text_is_averaged_over_its_own_tokens():
    y, _ = mean_pool_forward(X, np.array([2, 3]))
    np.testing.assert_array_equal(y, [[1, 2], [8, 9]])


def test_each_token_gets_its_share_and_padding_gets_nothing():
    _, saved = mean_pool_forward(X, np.array([2, 1]))
    dx = mean_pool_backward(np.array([[2.0, 4.0], [3.0, 5.0]]), saved)
    np.testing.assert_array_equal(dx, [[[1, 2], [1, 2], [0, 0]], [[3, 5], [0, 0], [0, 0]]])


def test_padding_may_contain_anything(rng):
    x = rng.normal(size=(2, 4, 3))
    x[0, 2:] = np.nan
    y, saved = mean_pool_forward(x, np.array([2, 4]))
    np.testing.assert_allclose(y[0], x[0, :2].mean(axis=0), rtol=1e-15)
    np.testing.assert_array_equal(mean_pool_backward(np.ones((2, 3)), saved)[0, 2:], 0)


@pytest.mark.parametrize("n_channels", [1, 3, 128])
def test_a_text_has_the_same_bits_in_any_batch(n_channels, rng):
    x = rng.normal(size=(5, 40, n_channels)).astype(np.float32)
    lengths = np.array([1, 7, 40, 22, 13])
    together, _ = mean_pool_forward(x, lengths)
    for i, n in enumerate(lengths):
        alone, _ = mean_pool_forward(x[i : i + 1, :n].copy(), lengths[i : i + 1])
        np.testing.assert_array_equal(alone[0], together[i])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_lengths_may_be_any_integers(dtype):
    y, saved = mean_pool_forward(X, np.array([1, 3], dtype))
    np.testing.assert_array_equal(y, [[0, 1], [8, 9]])
    assert mean_pool_backward(y, saved).dtype == np.float64


@pytest.mark.parametrize("lengths", [[0, 3], [1, 4], [-1, 1]])
def test_a_length_that_is_out_of_range_is_refused(lengths):
    message = f"mean_pool: lengths are {min(lengths)} to {max(lengths)}; use 1 to 3"
    with pytest.raises(ValueError, match=message):
        mean_pool_forward(X, np.array(lengths))


def test_other_shapes_and_dtypes_are_refused():
    with pytest.raises(ValueError, match=r"x is \(2, 3, 2\) and lengths \(3,\); use \(B, T, C\)"):
        mean_pool_forward(X, np.array([1, 2, 3]))
    with pytest.raises(ValueError, match=r"x is \(3, 2\) and lengths \(3,\)"):
        mean_pool_forward(X[0], np.array([1, 2, 3]))
    with pytest.raises(TypeError, match="lengths must be an integer array, got float64"):
        mean_pool_forward(X, np.array([1.0, 2.0]))
    with pytest.raises(TypeError, match="lengths must be an integer array, got list"):
        mean_pool_forward(X, [1, 2])
    _, saved = mean_pool_forward(X, np.array([1, 2]))
    with pytest.raises(ValueError, match=r"mean_pool: the output is \(2, 2\) but dy is \(2, 3\)"):
        mean_pool_backward(np.ones((2, 3)), saved)
