"""The likelihood near unit roots, compared with exact values in decimal arithmetic."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scratchgpt.timeseries import ARIMA
from scratchgpt.timeseries.likelihood.arma_filter import arma_filter_forward
from scratchgpt.timeseries.likelihood.partial_autocorrelations import coefficients_forward
from scratchgpt.timeseries.likelihood.presample import (
    presample_backward,
    presample_filter,
    presample_forward,
)
from scratchgpt.timeseries.likelihood.step_down import is_exactly_stationary

SIZES = [(0, 0, 0), (1, 0, 0), (3, 0, 1), (2, 3, 0), (1, 2, 2), (0, 2, 0)]


def exact_llf(w, phi, theta, sigma2):
    """The log-likelihood from the autocovariances and the Durbin-Levinson recursion, 120 digits."""
    with mpmath.workdps(120):
        phi, theta = [[mpmath.mpf(float(x)) for x in each] for each in (phi, [1, *theta])]
        w, p, q = [mpmath.mpf(float(x)) for x in w], len(phi), len(theta) - 1
        psi = []
        for j in range(q + 1):
            psi.append(theta[j] + sum(phi[k - 1] * psi[j - k] for k in range(1, min(j, p) + 1)))
        right = [sum(theta[k] * psi[k - j] for k in range(j, q + 1)) for j in range(len(w) + p)]
        system = mpmath.eye(p + 1)
        for j in range(p + 1):
            for k in range(1, p + 1):
                system[j, abs(j - k)] -= phi[k - 1]
        gamma = list(mpmath.lu_solve(system, mpmath.matrix(right[: p + 1])))
        for j in range(p + 1, len(w)):
            gamma.append(right[j] + sum(phi[k - 1] * gamma[j - k] for k in range(1, p + 1)))
        row, F, total = [], gamma[0], mpmath.mpf(0)
        for t in range(len(w)):
            v = w[t] - sum(row[i] * w[t - 1 - i] for i in range(t))
            total += mpmath.log(2 * mpmath.pi * sigma2 * F) + v * v / (sigma2 * F)
            if t + 1 < len(w):
                r = (gamma[t + 1] - sum(row[i] * gamma[t - i] for i in range(t))) / F
                row = [row[i] - r * row[t - 1 - i] for i in range(t)] + [r]
                F *= 1 - r * r
        return float(-total / 2)


def from_roots(inverse_roots):
    return -np.real(np.poly(inverse_roots))[1:] if len(inverse_roots) else np.zeros(0)


@settings(max_examples=25, deadline=None)
@given(
    distances=st.lists(st.floats(-8, -0.5).map(lambda x: 10**x), min_size=1, max_size=4),
    angle=st.sampled_from([0.0, 0.0, 1.0, 3.0]),
    ma=st.lists(st.floats(-0.99, 0.99), max_size=2),
    seed=st.integers(0, 100),
)
@example(distances=[1e-5], angle=1.0, ma=[], seed=0)
def test_the_likelihood_is_exact_near_unit_roots(distances, angle, ma, seed):
    if angle:
        pair = (1 - distances[0]) * np.exp(1j * angle)
        phi = from_roots([pair, pair.conjugate(), *(1 - np.array(distances[1:2]))])
    else:
        phi = from_roots(1 - np.array(distances))
    theta = -from_roots(ma)
    y = 1e2 + np.random.default_rng(seed).normal(size=16).cumsum()
    params = np.concatenate([phi, theta, [1.7]])
    model = ARIMA(y, order=(len(phi), 0, len(theta)), trend="n")
    if is_exactly_stationary(phi):
        # Below the limit of the recursions, they are exact to a relative 1e-9.
        expected = exact_llf(y, phi, theta, 1.7)
        assert model.loglike(params) == pytest.approx(expected, rel=1e-9, abs=1e-6)
        assert np.isfinite(model.score(params)).all()


def test_a_square_trend_reaches_the_highest_likelihood_and_reports_it_exactly():
    t = np.arange(120.0)
    y = t**2 + 0.05 * np.random.default_rng(14).normal(size=120)
    fit = ARIMA(y, order=(3, 0, 0), trend="n").fit()
    assert fit.converged
    assert fit.llf > -12.52
    assert fit.llf == pytest.approx(exact_llf(y, fit.params[:3], [], fit.sigma2), rel=1e-9)
    np.testing.assert_allclose(fit.forecast(3), [120**2, 121**2, 122**2], rtol=1e-3)


@pytest.mark.parametrize(("p", "q", "k"), SIZES)
def test_the_backward_pass_agrees_with_the_complex_step(p, q, k, rng, assert_close):
    phi = coefficients_forward(rng.uniform(-1, 1, size=p))[0]
    theta = -coefficients_forward(rng.uniform(-1, 1, size=q))[0]
    inputs, columns = [rng.normal(size=12), phi, theta], rng.normal(size=(12, k))
    gradients = presample_backward(0.3, 0.7, presample_forward(inputs[0], columns, phi, theta)[1])
    for at, gradient in enumerate(gradients):
        slopes = np.empty(len(gradient))
        for i in range(len(gradient)):
            moved = [x.astype(complex) for x in inputs]
            moved[at][i] += 1e-30j
            (squares, logs), _ = presample_forward(moved[0], columns, *moved[1:])
            slopes[i] = (0.3 * squares + 0.7 * logs).imag / 1e-30
        assert_close(gradient, slopes, 1e-11)


@pytest.mark.parametrize(("p", "q"), [(p, q) for p, q, k in SIZES])
def test_it_predicts_like_the_recursions(p, q, rng, assert_close):
    phi = coefficients_forward(rng.uniform(-1, 1, size=p))[0]
    theta = -coefficients_forward(rng.uniform(-1, 1, size=q))[0]
    w = rng.normal(size=15)
    _, saved = presample_forward(w, np.zeros((15, 0)), phi, theta)
    found = presample_filter(saved, max(p, q + 1))
    (v, F), recursions = arma_filter_forward(w, phi, theta)
    assert_close(found.v, v, 1e-10)
    assert_close(found.F, F, 1e-10)
    assert_close(found.ahead, recursions.ahead, 1e-10)


def test_without_an_invertible_moving_average_there_is_no_exact_value_near_unit_roots(rng):
    model = ARIMA(rng.normal(size=30).cumsum(), order=(2, 0, 1), trend="n")
    assert np.isnan(model.loglike([1.999, -0.9990001, 2.0, 1.0]))
    assert np.isfinite(model.loglike([0.5, 0.2, 2.0, 1.0]))
