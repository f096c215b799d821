import numpy as np
import pytest
from scipy import stats

from scratchgpt.timeseries.likelihood.gaussian import (
    concentrated_gaussian_backward,
    concentrated_gaussian_forward,
    gaussian_backward,
    gaussian_forward,
)


def test_the_log_density_equals_that_of_scipy(rng):
    v, F = rng.normal(size=9), rng.uniform(0.5, 2, size=9)
    llf, _ = gaussian_forward(v, F, 1.7)
    assert llf == pytest.approx(stats.norm.logpdf(v, scale=np.sqrt(1.7 * F)).sum())


def test_the_concentrated_log_density_is_the_maximum_over_sigma2(rng):
    v, F = rng.normal(size=9), rng.uniform(0.5, 2, size=9)
    llf, saved = concentrated_gaussian_forward(v, F)
    assert saved.sigma2 == pytest.approx((v**2 / F).mean())
    assert llf == pytest.approx(gaussian_forward(v, F, saved.sigma2)[0])
    assert gaussian_backward(1.0, saved)[2] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("concentrated", [True, False])
def test_the_backward_pass_agrees_with_the_complex_step(concentrated, rng, assert_close):
    inputs = [rng.normal(size=9), rng.uniform(0.5, 2, size=9)]
    forward, backward = concentrated_gaussian_forward, concentrated_gaussian_backward
    if not concentrated:
        inputs.append(np.array(1.7))
        forward, backward = gaussian_forward, gaussian_backward
    gradients = backward(0.3, forward(*inputs)[1])
    for which, gradient in enumerate(gradients):
        slopes = np.empty(inputs[which].size)
        for i in range(inputs[which].size):
            moved = [x.astype(complex) for x in inputs]
            moved[which].flat[i] += 1e-30j
            slopes[i] = 0.3 * forward(*moved)[0].imag / 1e-30
        assert_close(np.ravel(gradient), slopes, 1e-12)
