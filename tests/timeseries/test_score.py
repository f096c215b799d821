"""The hand-written score, compared with the complex step of the same likelihood for many models."""

import itertools

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.timeseries.fitting.search_space import SearchSpace
from scratchgpt.timeseries.likelihood import likelihood
from scratchgpt.timeseries.orders import Orders

PLAIN = list(itertools.product(range(4), (0, 1), range(4)))
SEASONAL = [(P, D, Q, s) for s in (4, 12) for P in (0, 1) for D in (0, 1) for Q in (0, 1)]


def problem(order, seasonal_order, rng, *, missing=False):
    """A random series with a regressor, and stationary and invertible parameters."""
    orders = Orders.of(order, seasonal_order)
    n = 14 + orders.n_diffuse + 2 * orders.s
    y = 3 * rng.normal(size=n).cumsum()
    if missing:
        y[[1, n // 2, n // 2 + 1, n - 2]] = np.nan
    space = SearchSpace(orders, 1, stationary=True, invertible=True)
    params = np.append(space.forward(rng.uniform(-1, 1, size=space.size))[0], 1.7)
    return params, y, rng.normal(size=(n, 1)), orders


def complex_step(forward, params, *rest):
    slopes = []
    for i in range(len(params)):
        moved = params.astype(np.complex128)
        moved[i] += 1e-30j
        slopes.append(forward(moved, *rest)[0].imag / 1e-30)
    return np.array(slopes)


@pytest.mark.parametrize("order", PLAIN, ids=str)
def test_the_score_agrees_with_the_complex_step(order, rng, assert_close):
    for seasonal_order in SEASONAL:
        params, *rest = problem(order, seasonal_order, rng)
        expected = complex_step(likelihood.log_likelihood_forward, params, *rest)
        for compiled in (True, False):
            with kernels.disabled(*([] if not compiled else [np.float32])):
                _, saved = likelihood.log_likelihood_forward(params, *rest)
                score = likelihood.log_likelihood_backward(1.0, saved)
            assert_close(score, expected, 1e-10, f"{rest[-1]} {compiled=}")


@pytest.mark.parametrize("name", ["concentrated", "conditional", "conditional_log_likelihood"])
def test_the_other_likelihoods_have_correct_gradients(name, rng, assert_close):
    forward = getattr(likelihood, f"{name}_forward")
    backward = getattr(likelihood, f"{name}_backward")
    for order, seasonal_order in itertools.product([(2, 1, 2), (0, 0, 1), (3, 0, 0)], SEASONAL):
        params, *rest = problem(order, seasonal_order, rng)
        if name != "conditional_log_likelihood":
            params = params[:-1]
        expected = complex_step(forward, params, *rest)
        for compiled in (True, False):
            with kernels.disabled(*([] if not compiled else [np.float32])):
                gradient = backward(1.0, forward(params, *rest)[1])
            assert_close(gradient, expected, 1e-10, f"{rest[-1]} {compiled=}")


@pytest.mark.parametrize("order", PLAIN[::3], ids=str)
def test_the_fast_recursions_and_the_filter_agree(order, rng):
    """A missing value at the end does not change the likelihood but selects the Kalman filter."""
    for seasonal_order in SEASONAL:
        params, y, design, orders = problem(order, seasonal_order, rng)
        fast, saved = likelihood.log_likelihood_forward(params, y, design, orders)
        longer = np.append(y, np.nan), np.vstack([design, design[:1]])
        general, also = likelihood.log_likelihood_forward(params, *longer, orders)
        assert fast == pytest.approx(general, rel=1e-10)
        np.testing.assert_allclose(
            likelihood.log_likelihood_backward(1.0, saved),
            likelihood.log_likelihood_backward(1.0, also),
            rtol=1e-8,
            atol=1e-8,
        )


def test_the_concentrated_likelihood_is_the_highest_in_sigma2(rng):
    params, *rest = problem((1, 1, 1), (0, 1, 1, 4), rng)
    best, saved = likelihood.concentrated_forward(params[:-1], *rest)
    for factor in (0.9, 1.0, 1.1):
        there = np.append(params[:-1], factor * saved.sigma2)
        llf = likelihood.log_likelihood_forward(there, *rest)[0]
        assert llf == pytest.approx(best, rel=1e-12) if factor == 1 else llf < best
