"""The check detects side effects of a pass, not only wrong numbers."""

from dataclasses import dataclass

import numpy as np
import pytest

from scratchgpt.verify import check_vjp

X = np.arange(1.0, 4.0)


def violations(forward, backward, inputs=None, **options):
    report = check_vjp(forward, backward, inputs or {"x": X.copy()}, **options)
    assert report.passed == (not report.violations)
    for violation in report.violations:
        assert f"contract: {violation}" in str(report)
    return report.violations


def forward(x):
    return 2 * x, [x * 3]


def backward(dy, saved):
    return 2 * dy


def test_a_clean_pair_has_no_violations():
    assert violations(forward, backward) == ()


def test_a_forward_that_writes_to_its_input():
    def overwrites(x):
        y = 2 * x.copy()
        x[0] = 0
        return y, None

    found = check_vjp(overwrites, backward, {"x": X.copy()}).violations
    assert "forward overwrites inputs.x" in found


def test_a_forward_that_writes_to_a_setting():
    def counts(x, calls):
        calls += 1
        return 2 * x, None

    found = violations(counts, backward, settings={"calls": np.zeros(1)})
    assert "forward overwrites settings.calls" in found


def test_a_backward_that_writes_to_the_upstream_gradient():
    def scales(dy, saved):
        dy *= 2
        return dy.copy()

    found = check_vjp(forward, scales, {"x": X.copy()}).violations
    assert "backward overwrites dy" in found
    assert "backward called twice gives two results" in found


def test_a_backward_that_writes_to_what_was_saved():
    def empties(dy, saved):
        saved[0][1] = -1
        return 2 * dy

    assert violations(forward, empties) == ("backward overwrites saved.0",)

    def saves_names(x):
        return 2 * x, {"rows": (x * 3,)}

    def empties_names(dy, saved):
        saved["rows"][0][...] = 0
        return 2 * dy

    assert violations(saves_names, empties_names) == ("backward overwrites saved.rows.0",)


def test_a_backward_that_writes_to_an_input_by_way_of_saved():
    def saves_input(x):
        return 2 * x, (x,)

    def overwrites(dy, saved):
        saved[0][0] = 9
        return 2 * dy

    found = check_vjp(saves_input, overwrites, {"x": X.copy()}).violations
    assert "backward overwrites inputs.x" in found


def test_a_backward_that_accumulates():
    total = np.zeros(3)

    def accumulates(dy, saved):
        total[...] += 2 * dy
        return total.copy()

    found = check_vjp(forward, accumulates, {"x": X.copy()}).violations
    assert found == ("backward called twice gives two results",)


def test_a_backward_that_returns_its_buffer():
    buffer = np.zeros(3)

    def reuses(dy, saved):
        return np.multiply(2, dy, out=buffer)

    found = violations(forward, reuses)
    assert found == ("backward called again overwrites the gradients it returned before",)


def test_a_forward_that_returns_its_buffer():
    y_buffer, saved_buffer = np.zeros(3), np.zeros(3)

    def reuses(x):
        return np.multiply(2, x, out=y_buffer.astype(x.dtype, copy=False)), None

    def saves_its_buffer(x):
        return 2 * x, (np.multiply(3, x, out=saved_buffer.astype(x.dtype, copy=False)),)

    message = "forward called again overwrites {}, which it returned before"
    assert violations(reuses, backward) == (message.format("y"),)
    assert violations(saves_its_buffer, backward) == (message.format("saved.0"),)


def test_a_forward_that_returns_views_of_its_inputs_is_clean():
    def view(x):
        return x[::-1].T, (x[1:], x)

    assert violations(view, lambda dy, saved: dy[::-1]) == ()


def test_a_pass_that_depends_on_the_calls_before_it():
    calls, largest = [0], np.zeros(1)

    def alternates(dy, saved):
        calls[0] += 1
        return (2 + calls[0] % 2) * dy

    def remembers_its_first_call(dy, saved):
        largest[0] = largest[0] or dy[0]
        return 2 * dy * (1 if dy[0] == largest[0] else 2)

    def remembers(x):
        largest[0] = max(largest[0], x.real.max())
        return 2 * x * largest[0], None

    found = check_vjp(forward, alternates, {"x": X.copy()})
    assert found.violations == ("backward called twice gives two results",)
    assert not check_vjp(forward, remembers_its_first_call, {"x": X.copy()}).passed
    largest[0] = 0
    found = check_vjp(remembers, backward, {"x": X.copy()})
    assert any("two results for the same inputs" in violation for violation in found.violations)


def test_a_forward_that_returns_nan():
    report = check_vjp(lambda x: (np.where(x == 2, np.nan, 2 * x), None), backward, {"x": X.copy()})
    assert "forward returns NaN" in report.violations


@dataclass
class Kept:
    rows: np.ndarray


def test_what_was_saved_is_watched_in_every_container():
    def as_dataclass(x):
        return 2 * x, Kept(3 * x)

    def as_objects(x):
        return 2 * x, np.array([3 * x, "a name"], object)

    def empties(dy, saved):
        (saved.rows if isinstance(saved, Kept) else saved[0])[...] = 0
        return 2 * dy

    assert violations(as_dataclass, empties) == ("backward overwrites saved.rows",)
    assert violations(as_objects, empties) == ("backward overwrites saved.0",)


def test_a_forward_with_a_random_stream_of_its_own():
    rng = np.random.default_rng(0)

    def draws(x):
        return 2 * x * (rng.random(3) < 0.5), None

    report = check_vjp(draws, backward, {"x": X.copy()})
    assert any("fix its random seed" in violation for violation in report.violations)


def test_a_gradient_of_another_shape():
    found = violations(forward, lambda dy, saved: (2 * dy)[None])
    assert found == ("the gradient of 'x' is (1, 3) but the input is (3,)",)


@pytest.mark.parametrize("method", ["complex", "central"])
def test_a_gradient_of_another_dtype(method):
    found = violations(
        forward,
        lambda dy, saved: 2 * dy.astype(np.float64),
        {"x": X.astype(np.float32)},
        method=method,
    )
    assert found == ("the gradient of 'x' is float64 but the input is float32",)


def test_a_gradient_that_is_missing():
    report = check_vjp(
        lambda x, bias: (2 * x + bias, None),
        lambda dy, saved: (2 * dy, None),
        {"x": X.copy(), "bias": np.ones(3)},
    )
    (violation,) = report.violations
    assert violation.startswith("backward returns None for the floating input 'bias'")
    assert not report.passed
