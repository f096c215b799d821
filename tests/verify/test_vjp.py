import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.ops import gelu_backward, gelu_forward
from scratchgpt.verify import VerificationError, check_vjp, relative_error

METHODS = ("complex", "central", "adjoint")


@pytest.mark.parametrize("method", METHODS)
def test_a_correct_backward_passes(product, point, method):
    report = check_vjp(product.forward, product.backward, point, method=method)
    report.raise_if_failed()
    assert report.passed
    assert report.method == method
    assert [row.name for row in report.inputs] == ["x", "weight"]
    worst = {"complex": 1e-14, "central": 1e-8, "adjoint": 1e-14}[method]
    assert 0 <= report.worst_error < worst


MISTAKES = {
    "a lost factor": lambda dx, dweight: (dx, 1.0001 * dweight),
    "a flipped sign": lambda dx, dweight: (-dx, dweight),
    "a dropped gradient": lambda dx, dweight: (dx, 0 * dweight),
    "a NaN": lambda dx, dweight: (dx * np.where(dx == dx.max(), np.nan, 1), dweight),
    "an infinity": lambda dx, dweight: (dx, dweight / 0.0),
    "one wrong element": lambda dx, dweight: (dx + 1e-4 * (dx == dx.min()), dweight),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_wrong_backward_fails(product, point, method, mistake):
    def backward(dy, saved):
        return MISTAKES[mistake](*product.backward(dy, saved))

    report = check_vjp(product.forward, backward, point, method=method)
    assert not report.passed
    with pytest.raises(VerificationError, match="WRONG"):
        report.raise_if_failed()


def test_the_report_pins_the_mistake_down(product, point):
    def backward(dy, saved):
        dx, dweight = product.backward(dy, saved)
        dweight[2, 3] *= 1.5
        return dx, dweight

    report = check_vjp(product.forward, backward, point)
    assert report["x"].passed
    row = report["weight"]
    assert not row.passed
    assert row.index == (2, 3)
    assert row.backward == pytest.approx(1.5 * row.numerical)
    assert row.step == 1e-20
    text = str(report)
    assert "FAILED" in text
    assert "(2, 3)" in text
    assert f"{row.numerical:.15g}" in text


@pytest.mark.parametrize("method", ["complex", "central"])
def test_a_mistake_in_an_element_that_is_not_tested_shows_along_a_direction(method):
    def forward(x):
        return x**2, x

    def backward(dy, x):
        dx = 2 * x * dy
        dx[17, 31] *= 3
        return dx

    x = np.random.default_rng(0).standard_normal((40, 50))
    report = check_vjp(forward, backward, [x], method=method, max_elements=5)
    assert not report.passed
    row = report["x"]
    assert row.index is None
    assert (row.n_elements, row.n_directions) == (5, 2)
    assert "5 + 2 directions" in str(report)


def test_a_small_wrong_element_beside_large_ones_is_found():
    weights = np.array([1e4, 1.0, 1e-4])

    def forward(x):
        return weights * x, None

    def backward(dy, saved):
        return dy * np.array([1e4, 1.0, 2e-4])

    report = check_vjp(forward, backward, [np.ones(3)])
    assert report.inputs[0].index == (2,)
    assert not report.passed


def test_the_relative_error_does_not_blow_up_at_zero():
    error = relative_error([1.0, 1e-18, 0.0], [1.0, 0.0, 0.0], scale=1.0)
    np.testing.assert_allclose(error, [0, 1e-16, 0])


def test_the_relative_error_is_that_of_the_element_above_a_hundredth_of_the_scale():
    np.testing.assert_allclose(relative_error(0.02, 0.03, scale=1.0), 1 / 3)
    np.testing.assert_allclose(relative_error(2e-4, 3e-4, scale=1.0), 0.01)
    assert relative_error(np.nan, 1.0, scale=1.0) == np.inf
    assert relative_error(np.nan, 0.0, scale=0.0) == np.inf
    assert relative_error(1.0, 0.0, scale=1.0) == 1


def test_the_seed_determines_everything(product, point):
    first, again, other = (
        check_vjp(product.forward, product.backward, point, max_elements=3, seed=seed)
        for seed in (1, 1, 2)
    )
    assert str(first) == str(again)
    assert str(first) != str(other)


def test_numbers_may_be_numbers_of_numpy(product, point):
    options = {"seed": 3, "max_elements": 5, "n_directions": 1, "tolerance": 0.5}
    report = check_vjp(product.forward, product.backward, point, **options)
    numpy_options = {name: np.asarray(value)[()] for name, value in options.items()}
    assert str(check_vjp(product.forward, product.backward, point, **numpy_options)) == str(report)


def test_the_upstream_gradient_is_random():
    """With ones, this wrong backward of a softmax equals the correct one: both return 0."""

    def forward(x):
        y = np.exp(x) / np.exp(x).sum()
        return y, y

    def backward(dy, y):
        return 0.5 * y * (dy - (dy * y).sum())

    x = np.random.default_rng(0).standard_normal(5)
    np.testing.assert_allclose(backward(np.ones(5), forward(x)[1]), 0, atol=1e-16)
    assert not check_vjp(forward, backward, [x]).passed


def test_settings_and_whole_numbers_are_passed_on_and_not_differentiated():
    def forward(table, rows, scale, which="none"):
        assert which == "some"
        assert scale.dtype == float
        return scale * table[rows], (table.shape, rows, scale)

    def backward(dy, saved):
        shape, rows, scale = saved
        dtable = np.zeros(shape)
        np.add.at(dtable, rows, scale * dy)
        return dtable, None

    report = check_vjp(
        forward,
        backward,
        {"table": np.ones((3, 2)), "rows": np.array([2, 0, 2])},
        settings={"scale": np.array([2.0, 3.0]), "which": "some"},
    )
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["table"]


def test_names_of_positional_inputs_come_from_the_function(product, point):
    report = check_vjp(product.forward, product.backward, list(point.values()))
    assert [row.name for row in report.inputs] == ["x", "weight"]
    report = check_vjp(lambda *args: product.forward(*args), product.backward, list(point.values()))
    assert [row.name for row in report.inputs] == ["input 0", "input 1"]


@pytest.mark.parametrize("method", METHODS)
def test_an_output_may_be_a_scalar_or_a_tuple(method):
    def forward(x):
        return (x.sum(), 2 * x, np.arange(3)), x.shape

    def backward(dy, shape):
        dsum, ddouble, nothing = dy
        assert nothing is None
        return np.full(shape, dsum) + 2 * ddouble

    check_vjp(forward, backward, [np.ones((2, 3))], method=method).raise_if_failed()

    def only_first(dy, shape):
        return np.full(shape, dy[0])

    assert not check_vjp(forward, only_first, [np.ones((2, 3))], method=method).passed


@given(
    shape=st.lists(st.integers(1, 4), max_size=3).map(tuple),
    power=st.integers(1, 4),
    seed=st.integers(0, 10_000),
    method=st.sampled_from(METHODS),
)
def test_polynomials_of_any_shape_pass_and_their_neighbors_fail(shape, power, seed, method):
    x = np.asarray(np.random.default_rng(seed).uniform(0.5, 2, shape))

    def forward(x):
        return np.asarray(x**power), x

    def backward(dy, x):
        return np.asarray(power * x ** (power - 1) * dy)

    def wrong(dy, x):
        return np.asarray(power * x ** (power - 1) * dy * (1 + 1e-4))

    assert check_vjp(forward, backward, [x], method=method, seed=seed).passed
    assert not check_vjp(forward, wrong, [x], method=method, seed=seed).passed


def test_a_joint_direction_is_one_row(product, point):
    report = check_vjp(product.forward, product.backward, point, method="adjoint", joint=True)
    assert [row.name for row in report.inputs] == ["all inputs"]
    assert report.passed

    def wrong(dy, saved):
        dx, dweight = product.backward(dy, saved)
        return dx, dweight.T.reshape(dweight.shape)

    assert not check_vjp(product.forward, wrong, point, method="adjoint", joint=True).passed


def test_float32_is_proven_in_float64_by_complex_step_and_in_itself_by_differences(product, point):
    point = {name: x.astype(np.float32) for name, x in point.items()}
    for method in METHODS:
        report = check_vjp(product.forward, product.backward, point, method=method)
        report.raise_if_failed()
        row = report["weight"]
        assert row.tolerance == {"complex": 1e-12, "central": 2e-2, "adjoint": 1e-10}[method]

    def wrong(dy, saved):
        dx, dweight = product.backward(dy, saved)
        return dx, dweight * dweight.dtype.type(1.2)

    for method in METHODS:
        assert not check_vjp(product.forward, wrong, point, method=method).passed


def test_the_tolerance_may_be_chosen(product, point):
    def rough(dy, saved):
        return tuple(gradient * (1 + 1e-5) for gradient in product.backward(dy, saved))

    assert not check_vjp(product.forward, rough, point).passed
    assert check_vjp(product.forward, rough, point, tolerance=1e-4).passed


@pytest.mark.parametrize("method", ["complex", "adjoint"])
def test_a_forward_for_real_numbers_alone_is_referred_to_central_differences(method):
    def refuses(x):
        if x.dtype != np.float64:
            raise KeyError("no kernel for this dtype")
        return 2 * x, None

    def casts(x):
        out = np.empty(x.shape)
        out[...] = 2 * x
        return out, None

    def takes_the_real_part(x):
        return 2 * x.real, None

    for forward in (refuses, casts, takes_the_real_part):
        with pytest.raises(TypeError, match="use method='central'"):
            check_vjp(forward, lambda dy, saved: 2 * dy, [np.ones(3)], method=method)
        check_vjp(
            forward, lambda dy, saved: 2 * dy, [np.ones(3)], method="central"
        ).raise_if_failed()


def test_a_forward_that_is_not_analytic_is_diagnosed():
    def forward(x):
        return np.abs(x) ** 2 + 0j * x, x

    def backward(dy, x):
        return 2 * x * dy

    def real_forward(x):
        y, saved = forward(x)
        return (y if np.iscomplexobj(x) else y.real), saved

    report = check_vjp(real_forward, backward, [np.array([1.0, -2.0])])
    assert not report.passed
    assert "not analytic" in str(report)
    check_vjp(real_forward, backward, [np.array([1.0, -2.0])], method="central").raise_if_failed()


@pytest.mark.parametrize("method", ["complex", "adjoint"])
def test_a_kernel_for_float32_alone_is_referred_to_central_differences(method):
    def only_float32(x):
        if x.dtype != np.float32:
            raise TypeError("no kernel for this dtype")
        return 2 * x, None

    def backward(dy, saved):
        if dy.dtype != np.float32:
            raise TypeError("no kernel for this dtype")
        return 2 * dy

    x = np.ones(3, np.float32)
    with pytest.raises(TypeError, match=r"but not with float64 ones.*use method='central'"):
        check_vjp(only_float32, backward, [x], method=method)
    with pytest.raises(TypeError, match=r"but not with float64 ones.*use method='central'"):
        check_vjp(lambda x: (2 * x, None), backward, [x], method=method)
    check_vjp(only_float32, backward, [x], method="central").raise_if_failed()


@pytest.mark.parametrize("method", ["complex", "central"])
def test_a_backward_that_is_not_finite_is_not_blamed_on_the_forward(method):
    for value in (np.nan, np.inf):
        report = check_vjp(
            lambda x: (x**2, x), lambda dy, x, v=value: v * dy, [np.ones(3)], method=method
        )
        assert not report.passed
        assert report["x"].note == "the backward is not finite here"


def test_differences_that_are_lost_in_rounding_are_not_blamed_on_the_backward():
    def forward(x):
        return 1e5 + np.sin(x), x

    x = np.linspace(0, 1, 5, dtype=np.float32)
    report = check_vjp(forward, lambda dy, x: np.cos(x) * dy, [x], method="central")
    assert not report.passed
    assert "float32 cannot be checked so finely" in report["x"].note
    report = check_vjp(forward, lambda dy, x: 2 * np.cos(x) * dy, [x], method="complex")
    assert not report["x"].note


def test_what_cannot_be_checked_is_refused(product, point):
    with pytest.raises(ValueError, match="one of complex, adjoint, central, got 'forward'"):
        check_vjp(product.forward, product.backward, point, method="forward")
    with pytest.raises(ValueError, match="nothing to differentiate"):
        check_vjp(product.forward, product.backward, [np.arange(3)])
    with pytest.raises(TypeError, match="'x' is complex128; pass a real array"):
        check_vjp(product.forward, product.backward, {"x": np.ones(3, complex)})
    with pytest.raises(TypeError, match=r"must return a pair \(output, saved\)"):
        check_vjp(lambda x: x, product.backward, [np.ones(3)])
    for options in ({"n_directions": 0}, {"max_elements": -1}, {"n_directions": 2.5}):
        with pytest.raises(ValueError, match="must be a whole number"):
            check_vjp(product.forward, product.backward, point, method="adjoint", **options)
    with pytest.raises(TypeError, match="returned 3 gradients for 2 inputs"):
        check_vjp(product.forward, lambda dy, saved: (dy, dy, dy), point)


def test_large_inputs_take_a_step_of_their_size():
    def forward(x):
        return 3e8 * np.sin(x / 1e8), x

    def backward(dy, x):
        return 3 * np.cos(x / 1e8) * dy

    check_vjp(forward, backward, [np.array([1e8, -2e8])], method="central").raise_if_failed()


def test_an_empty_input_has_nothing_wrong():
    check_vjp(lambda x: (2 * x, None), lambda dy, _: 2 * dy, [np.ones((0, 3))]).raise_if_failed()


def test_rounding_is_not_an_error_where_a_function_is_flat():
    # The slope is 8e-25 by complex step, and 0 in the backward, due to cancellation in 1 - tanh².
    x = np.array([-9.0, -8.5])
    settings = {"approximate": "tanh"}
    report = check_vjp(gelu_forward, gelu_backward, {"x": x}, settings=settings)
    assert report.passed, report


def test_a_small_gradient_that_is_wrong_is_still_found():
    def forward(x):
        return 1e-7 * x, None

    report = check_vjp(forward, lambda dy, _: 1.001e-7 * dy, {"x": np.ones(3)})
    assert not report.passed
