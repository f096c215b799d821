"""The check detects side effects of a pass, not only wrong numbers."""

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
    buffer, sign = np.zeros(3), [1]

    def reuses(dy, saved):
        sign[0] *= -1
        buffer[...] = 2 * dy * (1 if sign[0] == -1 else 1.5)
        return buffer

    found = check_vjp(forward, reuses, {"x": X.copy()}).violations
    assert "backward called again overwrites the gradients it returned before" in found


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
