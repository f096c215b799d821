import numpy as np
import pytest

from scratchgpt.accumulator import Accumulator
from scratchgpt.ops import linear_backward, linear_forward


def test_a_row_is_multiplied_from_the_left_and_the_bias_is_added():
    x = np.array([[1.0, 2.0]])
    weight = np.array([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]])
    y, _ = linear_forward(x, weight, np.array([0.5, 0.25, 0.125]))
    np.testing.assert_array_equal(y, [[5.5, 50.25, 500.125]])


def test_gradients_of_one_row_by_hand():
    x, weight = np.array([[3.0, 5.0]]), np.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    _, saved = linear_forward(x, weight, np.zeros(3))
    dx, dweight, dbias = linear_backward(np.array([[1.0, 10.0, 100.0]]), saved)
    np.testing.assert_array_equal(dx, [[421.0, 3368.0]])
    np.testing.assert_array_equal(dweight, [[3.0, 30.0, 300.0], [5.0, 50.0, 500.0]])
    np.testing.assert_array_equal(dbias, [1.0, 10.0, 100.0])


def test_without_a_bias_there_is_no_gradient_of_it():
    _, saved = linear_forward(np.ones((2, 3)), np.ones((3, 4)))
    assert linear_backward(np.ones((2, 4)), saved)[2] is None


def test_linear_maps_are_linear(rng):
    x, z, weight = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(3, 5))
    combined, _ = linear_forward(2.5 * x - 3 * z, weight)
    separate = 2.5 * linear_forward(x, weight)[0] - 3 * linear_forward(z, weight)[0]
    np.testing.assert_allclose(combined, separate, rtol=1e-12, atol=1e-13)


def test_backward_is_linear_in_the_upstream_gradient(rng):
    _, saved = linear_forward(rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), np.zeros(5))
    a, b = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    for combined, one, other in zip(
        linear_backward(2 * a + b, saved),
        linear_backward(a, saved),
        linear_backward(b, saved),
        strict=True,
    ):
        np.testing.assert_allclose(combined, 2 * one + other, rtol=1e-12, atol=1e-13)


def test_a_batch_is_the_concatenation_of_its_rows(rng):
    x, weight, bias = rng.normal(size=(6, 3)), rng.normal(size=(3, 5)), rng.normal(size=5)
    dy = rng.normal(size=(6, 5))
    y, saved = linear_forward(x, weight, bias)
    dx, dweight, dbias = linear_backward(dy, saved)
    parts = [linear_forward(x[rows], weight, bias) for rows in (slice(2), slice(2, 6))]
    gradients = [
        linear_backward(dy[rows], part[1])
        for rows, part in zip((slice(2), slice(2, 6)), parts, strict=True)
    ]
    np.testing.assert_allclose(y, np.concatenate([part[0] for part in parts]), rtol=1e-13)
    np.testing.assert_allclose(dx, np.concatenate([g[0] for g in gradients]), rtol=1e-13)
    np.testing.assert_allclose(dweight, gradients[0][1] + gradients[1][1], rtol=1e-12)
    np.testing.assert_allclose(dbias, gradients[0][2] + gradients[1][2], rtol=1e-12)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"x has 3 features but weight \(4, 5\) takes 4"):
        linear_forward(np.ones((2, 3)), np.ones((4, 5)))
    with pytest.raises(ValueError, match=r"weight is \(3, 4\) but bias is \(1,\)"):
        linear_forward(np.ones((2, 3)), np.ones((3, 4)), np.ones(1))


def test_mixed_dtypes_are_refused():
    with pytest.raises(TypeError, match="x is float32 but weight is float64"):
        linear_forward(np.ones((2, 3), np.float32), np.ones((3, 4)))
    with pytest.raises(TypeError, match="x is float64 but bias is float32"):
        linear_forward(np.ones((2, 3)), np.ones((3, 4)), np.ones(4, np.float32))


def test_integers_are_refused():
    with pytest.raises(TypeError, match="x is int64; use float32"):
        linear_forward(np.ones((2, 3), np.int64), np.ones((3, 4), np.int64))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("is_turned", [False, True])
def test_an_added_gradient_has_the_bits_of_an_overwritten_one(rng, dtype, is_turned):
    """BLAS may round the product of transposed matrices in another way."""
    for n_in, n_out in ((12, 29), (29, 12), (7, 5), (64, 33)):
        x, dy = (rng.standard_normal((28, n)).astype(dtype) for n in (n_in, n_out))
        _, saved = linear_forward(x, rng.standard_normal((n_in, n_out)).astype(dtype))
        shape = (n_out, n_in) if is_turned else (n_in, n_out)
        added = np.zeros(shape, dtype).T if is_turned else np.zeros(shape, dtype)
        overwritten = Accumulator(np.empty(shape, dtype))
        overwritten.clear()
        linear_backward(dy, saved, dweight_into=added)
        linear_backward(dy, saved, dweight_into=overwritten.T if is_turned else overwritten)
        result = overwritten.array.T if is_turned else overwritten.array
        np.testing.assert_array_equal(added, result)
