import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.timeseries.likelihood.partial_autocorrelations import coefficients_forward
from scratchgpt.timeseries.likelihood.step_down import (
    is_exactly_stationary,
    process_variance,
    step_down_backward,
    step_down_forward,
)


@pytest.mark.parametrize("p", range(6))
def test_the_lower_orders_are_those_of_the_durbin_levinson_recursion(p, rng):
    phi, saved = coefficients_forward(rng.uniform(-1, 1, size=p))
    (steps, logs), _ = step_down_forward(phi)
    for step, expected in zip(steps, saved.steps, strict=True):
        np.testing.assert_allclose(step, expected, rtol=1e-12, atol=1e-14)
    left = np.log(1 - saved.r**2)
    np.testing.assert_allclose(logs, [-left[k:].sum() for k in range(p)], rtol=1e-12)


@pytest.mark.parametrize("compiled", [True, False])
def test_the_variance_of_a_process_is_that_of_order_0(compiled, rng):
    with kernels.disabled(np.float32 if compiled else np.float64):
        for p in range(1, 6):
            phi, _ = coefficients_forward(rng.uniform(-1, 1, size=p))
            (_, logs), _ = step_down_forward(phi)
            assert process_variance(phi) == pytest.approx(np.exp(logs[0]))
        assert process_variance(np.array([0.5, 0.5])) > 1e15
        assert process_variance(np.array([1.1])) == np.inf
        assert process_variance(np.zeros(0)) == 1


@pytest.mark.parametrize("p", range(5))
def test_the_backward_pass_agrees_with_the_complex_step(p, rng):
    phi, _ = coefficients_forward(rng.uniform(-1, 1, size=p))
    dsteps, dlogs = [rng.normal(size=k) for k in range(p)], rng.normal(size=p)
    dphi = step_down_backward(dsteps, dlogs, step_down_forward(phi)[1])
    for i in range(p):
        moved = phi.astype(complex)
        moved[i] += 1e-30j
        (steps, logs), _ = step_down_forward(moved)
        slope = sum(each @ step.imag for each, step in zip(dsteps, steps, strict=True))
        assert dphi[i] == pytest.approx((slope + dlogs @ logs.imag) / 1e-30, rel=1e-12)


def test_stationarity_is_decided_without_rounding():
    below = np.nextafter(2.0, 0)
    assert is_exactly_stationary(np.array([below, -np.nextafter(1.0, 0)]))
    assert not is_exactly_stationary(np.array([2.0, -1.0]))
    assert not is_exactly_stationary(np.array([2.0, -np.nextafter(1.0, 0)]))
    assert not is_exactly_stationary(np.array([1e300, 0.5]))
