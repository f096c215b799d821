import numpy as np
import pytest

from scratchgpt.ops import unit_backward, unit_forward
from scratchgpt.verify import check_vjp


def test_a_known_unit_vector():
    y, _ = unit_forward(np.array([[3.0, -4.0], [0.0, 2.0]]))
    np.testing.assert_allclose(y, [[0.6, -0.8], [0, 1]], rtol=1e-15)


def test_every_row_has_length_one(rng):
    for dtype, tolerance in ((np.float32, 1e-6), (np.float64, 1e-14)):
        y, _ = unit_forward(rng.normal(size=(2, 3, 5)).astype(dtype))
        assert y.dtype == dtype
        np.testing.assert_allclose((y * y).sum(axis=-1), 1, rtol=tolerance)


def test_the_length_of_x_does_not_change_y_and_divides_the_gradient(rng):
    x, dy = rng.normal(size=(2, 4, 5))
    y, saved = unit_forward(x)
    longer, saved_of_longer = unit_forward(8 * x)
    np.testing.assert_array_equal(longer, y)
    np.testing.assert_array_equal(8 * unit_backward(dy, saved_of_longer), unit_backward(dy, saved))


def test_the_gradient_is_orthogonal_to_x(rng):
    x, dy = rng.normal(size=(2, 4, 5))
    _, saved = unit_forward(x)
    np.testing.assert_allclose((unit_backward(dy, saved) * x).sum(axis=-1), 0, atol=1e-14)


def test_an_upstream_gradient_along_y_has_no_effect(rng):
    y, saved = unit_forward(rng.normal(size=(4, 5)))
    np.testing.assert_allclose(unit_backward(3 * y, saved), 0, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("length", [0, 3e-13])
def test_a_row_without_direction_is_divided_by_a_constant(length, dtype, rng):
    x = rng.normal(size=(3, 4)).astype(dtype)
    x[1] = length / 2  # four of them
    y, saved = unit_forward(x)
    np.testing.assert_allclose(y[1], length / 2 / 1e-12, rtol=1e-6)
    dy = rng.normal(size=(3, 4)).astype(dtype)
    np.testing.assert_allclose(unit_backward(dy, saved)[1], dy[1] / 1e-12, rtol=1e-6)


@pytest.mark.parametrize("length", [0, 3e-13])
def test_the_gradient_of_such_a_row_is_that_of_pytorch_and_of_a_complex_step(torch, length, rng):
    """No central difference is short enough for these rows, so they are not registered."""
    x, dy = rng.normal(size=(2, 3, 4))
    x[1] = length / 2
    for method in ("complex", "adjoint"):
        check_vjp(unit_forward, unit_backward, {"x": x}, method=method).raise_if_failed()
    tensor = torch.tensor(x, requires_grad=True)
    expected = torch.nn.functional.normalize(tensor, dim=-1)
    expected.backward(torch.tensor(dy))
    y, saved = unit_forward(x)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(unit_backward(dy, saved), tensor.grad.numpy(), rtol=1e-13)


def test_nan_is_not_hidden():
    y, _ = unit_forward(np.array([[1.0, np.nan], [3.0, 4.0]]))
    assert np.isnan(y[0]).all()
    np.testing.assert_allclose(y[1], [0.6, 0.8])


def test_a_number_is_refused():
    with pytest.raises(ValueError, match="unit: x is a number"):
        unit_forward(np.array(3.0))
