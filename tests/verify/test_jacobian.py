import numpy as np
import pytest

from scratchgpt.verify import VerificationError, check_vjp, gradcheck, numerical_jacobian

METHODS = ("complex", "central", "adjoint")


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


@pytest.mark.parametrize("method", ["complex", "central"])
@pytest.mark.parametrize("x", [[1, 2, -3], np.array([1, 2, -3]), np.array([1, 2, 3], np.uint8)])
def test_integers_are_differentiated_as_real_numbers(method, x):
    jacobian = numerical_jacobian(lambda x: x**2, x, method)
    np.testing.assert_allclose(jacobian, np.diag(2.0 * np.asarray(x)), rtol=1e-8)


FLOATS = ("f2", "f4", "f8", "g", ">f2", ">f4", ">f8")
SHAPES = ((), (1,), (3,), (0,), (3, 0), (2, 1, 3))


def sine_forward(x):
    return np.asarray(x * np.sin(x)), x


def sine_backward(dy, x):
    return (np.sin(x) + x * np.cos(x)) * dy


def wrong_backward(dy, x):
    return x * np.cos(x) * dy


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_float_and_every_shape_can_be_checked(dtype, shape):
    """Also no elements, no axes, extended precision and the other byte order."""
    x = np.asarray(np.random.default_rng(0).uniform(0.5, 1.5, shape)).astype(dtype)
    is_coarse = np.finfo(dtype).eps > np.finfo(np.float64).eps
    eps, tolerance = (0.1, 0.1) if is_coarse else (1e-6, 1e-3)
    exact = np.diag(sine_backward(1.0, x.astype(np.float64)).reshape(-1))
    for method in ("complex", "central"):
        jacobian = numerical_jacobian(lambda x: sine_forward(x)[0], x, method, eps=eps)
        assert jacobian.shape == (*shape, *shape)
        np.testing.assert_allclose(jacobian.reshape(exact.shape), exact, rtol=tolerance, atol=0.01)
    assert gradcheck((sine_forward, sine_backward), [x], eps=eps, rtol=tolerance)
    if x.size:
        with pytest.raises(VerificationError, match="backward says"):
            gradcheck((sine_forward, wrong_backward), [x], eps=eps, rtol=tolerance)
    for method in ("complex", "central", "adjoint"):
        check_vjp(sine_forward, sine_backward, [x], method=method).raise_if_failed()
        if x.size:
            assert not check_vjp(sine_forward, wrong_backward, [x], method=method).passed


@pytest.mark.parametrize("dtype", ["f2", "f4"])
def test_a_step_that_is_lost_in_rounding_is_refused(dtype):
    x = np.ones(3, dtype)
    message = f"x is {x.dtype}, which cannot be checked so finely: a step of eps=1e-06 is lost"
    with pytest.raises(ValueError, match=message):
        gradcheck((sine_forward, sine_backward), [x])
    with pytest.raises(ValueError, match=message):
        numerical_jacobian(np.sin, x, "central")
    with pytest.raises(ValueError, match="the output is float"):
        numerical_jacobian(lambda x: np.sin(x).astype(dtype), np.ones(3), "central")
    with pytest.raises(ValueError, match=r"eps=1e-06 does not change x\[0\]=1e\+15"):
        numerical_jacobian(np.sin, np.array([1e15]), "central")
    with pytest.raises(ValueError, match="must be greater than 0"):
        numerical_jacobian(np.sin, np.ones(3), "central", eps=0)


def test_real_functions_are_referred_to_central_differences():
    with pytest.raises(TypeError, match="use method='central'"):
        numerical_jacobian(lambda x: x.real, np.ones(2))
    with pytest.raises(TypeError, match="use method='central'"):
        numerical_jacobian(np.floor, np.ones(2))
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
    assert gradcheck((lambda x: (x**2, x), lambda dy, x: 2 * x * dy), [np.float64(3)])


def test_gradcheck_accepts_several_outputs_and_infinite_ones():
    def forward(x):
        return (2 * x, x.sum(), np.arange(2), np.log(x - 1)), x

    def backward(dy, x):
        ddouble, dsum, nothing, dlog = dy
        assert nothing is None
        return 2 * ddouble + dsum + dlog / np.where(x > 1, x - 1, np.inf)

    def forgets_the_sum(dy, x):
        return backward((dy[0], 0, None, dy[3]), x)

    with np.errstate(divide="ignore", invalid="ignore"):
        assert gradcheck((forward, backward), [np.array([1.5, 2.0])])
        with pytest.raises(VerificationError, match=r"d output 1\[\] / d x\[0\]: backward says"):
            gradcheck((forward, forgets_the_sum), [np.array([1.5, 2.0])])


@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_backward_that_ignores_the_upstream_gradient_fails(shape):
    def forward(x):
        return (x * x).sum(), x

    with pytest.raises(VerificationError, match=r"d output\[\] / d x"):
        gradcheck((forward, lambda dy, x: 2 * x), [np.ones(shape)])
    assert not check_vjp(forward, lambda dy, x: 2 * x, [np.ones(shape)]).passed


MALFORMED = {
    "a dict of outputs": (lambda x: ({"y": x}, x), sine_backward, "returned a dict as output"),
    "no output": (lambda x: (None, x), sine_backward, "returned a NoneType as output"),
    "an integer output": (lambda x: (3, x), sine_backward, "returned int64 for real inputs"),
    "a complex output": (lambda x: (1j * x, x), sine_backward, "complex128 for real inputs"),
    "no saved": (np.sin, sine_backward, r"must return a pair \(output, saved\)"),
    "a dict": (sine_forward, lambda dy, x: {"x": dy}, "a tuple of gradients, in the order of"),
    "two gradients": (sine_forward, lambda dy, x: (dy, dy), "returned 2 gradients for 1 input"),
    "a list": (sine_forward, lambda dy, x: list(dy), "returned 3 gradients for 1 input"),
    "no gradient": (sine_forward, lambda dy, x: None, "backward returns None for the floating"),
    "a shape": (sine_forward, lambda dy, x: dy[:2], r"is \(2,\) but the input is \(3,\)"),
    "a number": (sine_forward, lambda dy, x: dy.sum(), r"is \(\) but the input is \(3,\)"),
    "a dtype": (sine_forward, lambda dy, x: dy + 0j, "is complex128 but the input is float64"),
    "objects": (sine_forward, lambda dy, x: dy.astype(object), "is object but the input is"),
    "a string": (sine_forward, lambda dy, x: "dx", r"is \(\) but the input is \(3,\)"),
    "its dy": (sine_forward, lambda dy, x: np.multiply(dy, x, out=dy), "backward overwrites dy"),
}


@pytest.mark.parametrize("check", ["gradcheck", *METHODS])
@pytest.mark.parametrize("fault", MALFORMED)
def test_all_checks_describe_the_same_faults_alike(fault, check):
    forward, backward, message = MALFORMED[fault]

    def run():
        if check == "gradcheck":
            gradcheck((forward, backward), [np.arange(1.0, 4.0)])
        else:
            check_vjp(forward, backward, [np.arange(1.0, 4.0)], method=check).raise_if_failed()

    with pytest.raises((TypeError, VerificationError), match=message):
        run()


def test_the_output_of_a_jacobian_is_one_array():
    for y in ({"y": 1.0}, (1.0, 2.0), None, "y"):
        with pytest.raises(TypeError, match=r"<lambda> returned a"):
            numerical_jacobian(lambda x, y=y: y, np.ones(2))
    for x in (np.array([True]), np.array(["a"]), np.array([None])):
        with pytest.raises(TypeError, match="pass an array of real numbers"):
            numerical_jacobian(np.sin, x)
    with pytest.raises(TypeError, match="'x' is complex128; pass a real array"):
        numerical_jacobian(np.sin, np.array([1j]))


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
