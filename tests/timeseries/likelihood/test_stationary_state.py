"""The covariance of the state, compared with its defining equation, and its gradient."""

import tracemalloc

import numpy as np
import pytest

from scratchgpt.timeseries.likelihood.partial_autocorrelations import coefficients_forward
from scratchgpt.timeseries.likelihood.stationary_state import (
    stationary_covariance_backward,
    stationary_covariance_forward,
)
from scratchgpt.verify import check_vjp

SIZES = [(1, 0), (0, 1), (2, 1), (1, 3), (5, 2), (3, 3), (13, 4), (4, 13)]


def problem(rng, p, q):
    phi, _ = coefficients_forward(rng.uniform(-1, 1, size=p))
    return phi, rng.uniform(-1, 1, size=q)


@pytest.mark.parametrize(("p", "q"), [(0, 0), *SIZES])
def test_the_covariance_solves_the_lyapunov_equation(p, q, rng):
    phi, theta = problem(rng, p, q)
    P, _ = stationary_covariance_forward(phi, theta)
    r = max(p, q + 1)
    T, R = np.eye(r, k=1), np.zeros(r)
    T[:p, 0] += phi
    R[: q + 1] = 1.0, *theta
    scale = np.abs(P).max()
    np.testing.assert_allclose(T @ P @ T.T + np.outer(R, R), P, rtol=1e-9, atol=1e-11 * scale)
    np.testing.assert_allclose(P, P.T, rtol=1e-9, atol=1e-11 * scale)
    assert np.linalg.eigvalsh(P).min() > -1e-10 * scale


@pytest.mark.parametrize(("p", "q"), [(1, 0), (2, 1), (5, 2), (1, 3)])
def test_the_covariance_equals_that_of_scipy(p, q, rng):
    from scipy.linalg import solve_discrete_lyapunov

    phi, theta = problem(rng, p, q)
    P, saved = stationary_covariance_forward(phi, theta)
    T = np.eye(len(P), k=1)
    T[:, 0] += saved.ar
    expected = solve_discrete_lyapunov(T, np.outer(saved.noise, saved.noise))
    np.testing.assert_allclose(P, expected, rtol=1e-8, atol=1e-10 * np.abs(P).max())


def test_a_process_of_first_order_in_closed_form():
    P, _ = stationary_covariance_forward(np.array([0.8]), np.array([0.5]))
    variance = (1 + 2 * 0.8 * 0.5 + 0.25) / (1 - 0.64)
    expected = [[variance, 0.5], [0.5, 0.25]]
    np.testing.assert_allclose(P, expected, rtol=1e-14)


@pytest.mark.parametrize(("p", "q"), SIZES)
def test_the_gradient_agrees_with_the_complex_step(p, q, rng):
    """The upstream gradient is not symmetric."""
    check_vjp(
        stationary_covariance_forward,
        stationary_covariance_backward,
        dict(zip(("phi", "theta"), problem(rng, p, q), strict=True)),
        tolerance=1e-10,
    ).raise_if_failed()


def test_a_season_of_a_year_of_days_takes_little_memory(rng):
    """The system of the Kronecker product would have 134,000 rows and columns: 140 GB."""
    phi = np.zeros(366)
    phi[[0, 364, 365]] = 0.5, 0.4, -0.2
    tracemalloc.start()
    P, saved = stationary_covariance_forward(phi, np.array([0.3]))
    stationary_covariance_backward(rng.normal(size=P.shape), saved)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
