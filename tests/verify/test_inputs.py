import numpy as np
import pytest

from scratchgpt.verify import check_vjp, gradcheck

METHODS = ("complex", "central", "adjoint")
A, B = np.arange(1.0, 4.0), np.array([0.5, -2.0, 3.0])


def forward(a, b, power=2):
    return a**power * b, (a, b, power)


def backward(dy, saved):
    a, b, power = saved
    return power * a ** (power - 1) * b * dy, a**power * dy


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("inputs", [{"a": A, "b": B}, {"b": B, "a": A}, [A, B], (A, B)])
def test_a_dict_is_bound_by_name_and_a_list_by_position(inputs, method):
    report = check_vjp(forward, backward, inputs, method=method)
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["a", "b"]
    assert gradcheck((forward, backward), inputs)


def test_the_report_names_the_input_that_is_wrong():
    def wrong(dy, saved):
        da, db = backward(dy, saved)
        return da, 1.5 * db

    for inputs in ({"a": A, "b": B}, {"b": B, "a": A}):
        report = check_vjp(forward, wrong, inputs)
        assert [row.name for row in report.inputs if not row.passed] == ["b"]


def test_names_that_are_no_parameters_are_labels():
    report = check_vjp(forward, backward, {"x": A, "y": B})
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["x", "y"]
    check_vjp(lambda *args: forward(*args), backward, {"b": A, "a": B}).raise_if_failed()


def test_parameters_may_be_left_out_or_keyword_only():
    def scaled(x, shift=None, *, scale):
        assert shift is None
        return x * scale, (x, scale)

    def gradients(dy, saved):
        x, scale = saved
        return dy * scale, (dy * x).sum()

    for inputs in ({"x": A, "scale": np.float64(3)}, {"scale": np.array(3.0), "x": A}):
        report = check_vjp(scaled, gradients, inputs)
        report.raise_if_failed()
        assert [row.name for row in report.inputs] == ["x", "scale"]


def test_a_label_that_is_the_name_of_another_parameter_is_refused():
    with pytest.raises(TypeError, match="'b' is at position 0, but forward has the parameter 'b'"):
        check_vjp(forward, backward, {"b": A, "y": B})

    def by_position(a, b, /):
        return forward(a, b)

    check_vjp(by_position, backward, {"b": B, "a": A}).raise_if_failed()


@pytest.mark.parametrize("number", [3.0, np.float64(3), np.float32(3), np.longdouble(3)])
def test_numbers_are_differentiated_like_arrays_without_axes(number):
    def square(x):
        return np.asarray(x * x), x

    def slope(dy, x):
        return np.asarray(2 * x * dy)

    for method in METHODS:
        check_vjp(square, slope, {"x": number}, method=method).raise_if_failed()
        assert not check_vjp(square, lambda dy, x: x * dy, [number], method=method).passed


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (A, r"inputs is an array \(3,\); pass a list, \[x\], or a dict"),
        (3.0, "inputs is a float"),
        (None, "inputs is a NoneType"),
        ("ab", "inputs is a str"),
        ({"a": [1.0, 2.0, 3.0], "b": B}, "input 'a' is a list; pass an array"),
        ([A, (1.0, 2.0, 3.0)], "input 'b' is a tuple; pass an array"),
        ([A, [B, B]], "input 'b' is a list; pass an array"),
        ([A + 1j, B], "input 'a' is complex128; pass a real array"),
        ([A, 1j], "input 'b' is complex128; pass a real array"),
    ],
)
def test_inputs_that_would_not_be_checked_are_refused(inputs, message):
    with pytest.raises(TypeError, match=message):
        check_vjp(forward, backward, inputs)
    with pytest.raises(TypeError, match=message):
        gradcheck((forward, backward), inputs)
