import numpy as np
import pytest

from scratchgpt.verify import VerificationError, gradcheck, numerical_jacobian


@pytest.mark.parametrize(("method", "tolerance"), [("complex", 1e-15), ("central", 1e-8)])
def test_the_jacobian_of_a_linear_map_is_its_matrix(method, tolerance):
    rng = np.random.default_rng(0)
    matrix, x = rng.standard_normal((3, 2, 4, 5)), rng.standard_normal((4, 5))
    jacobian = numerical_jacobian(lambda x: np.tensordot(matrix, x, axes=2), x, method)
    assert jacobian.shape == (3, 2, 4, 5)
    np.testing.assert_allclose(jacobian, matrix, rtol=tolerance, atol=tolerance)


def test_a_scalar_function_has_a_gradient():
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(numerical_jacobian(lambda x: (x**3).sum(), x), 3 * x**2)


def test_real_functions_are_referred_to_central_differences():
    with pytest.raises(TypeError, match="use method='central'"):
        numerical_jacobian(lambda x: x.real, np.ones(2))
    with pytest.raises(ValueError, match="'complex' or 'central', got 'forward'"):
        numerical_jacobian(lambda x: x, np.ones(2), "forward")


def test_an_output_may_be_a_view_of_the_input():
    np.testing.assert_allclose(numerical_jacobian(lambda x: x, np.ones(2), "central"), np.eye(2))
    np.testing.assert_allclose(numerical_jacobian(lambda x: x, np.ones(2)), np.eye(2))


def test_gradcheck_accepts_a_correct_backward(product, point):
    assert gradcheck((product.forward, product.backward), point) is True
    assert gradcheck((product.forward, product.backward), list(point.values())) is True


def test_gradcheck_accepts_scalars():
    assert gradcheck((lambda x: ((x**2).sum(), x), lambda dy, x: 2 * x * dy), [np.ones(3)])


def test_gradcheck_names_the_element_that_is_wrong(product, point):
    def backward(dy, saved):
        dx, dweight = product.backward(dy, saved)
        dweight[2, 1] *= 1.1
        return dx, dweight

    message = r"d output\[0, 1\] / d weight\[2, 1\]: backward says"
    with pytest.raises(VerificationError, match=message):
        gradcheck((product.forward, backward), point)
    with pytest.raises(VerificationError):
        gradcheck((product.forward, lambda dy, s: (dy @ s.weight.T, s.x.T @ dy)), point)


def test_gradcheck_respects_its_tolerances(product, point):
    def rough(dy, saved):
        return tuple(1.01 * gradient for gradient in product.backward(dy, saved))

    with pytest.raises(VerificationError):
        gradcheck((product.forward, rough), point)
    assert gradcheck((product.forward, rough), point, rtol=0.02)
