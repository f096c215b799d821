"""The score with missing values, compared with the complex step for every order of test_score."""

import itertools

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.timeseries.fitting.search_space import SearchSpace
from scratchgpt.timeseries.likelihood.likelihood import (
    log_likelihood_backward,
    log_likelihood_forward,
)
from scratchgpt.timeseries.orders import Orders

PLAIN = list(itertools.product(range(4), (0, 1), range(4)))
SEASONAL = [(P, D, Q, s) for s in (4, 12) for P in (0, 1) for D in (0, 1) for Q in (0, 1)]


@pytest.mark.parametrize("order", PLAIN, ids=str)
def test_the_score_with_missing_values_agrees_with_the_complex_step(order, rng, assert_close):
    for seasonal_order in SEASONAL:
        orders = Orders.of(order, seasonal_order)
        n = 8 + orders.n_diffuse + orders.s
        y, design = 3 * rng.normal(size=n).cumsum(), rng.normal(size=(n, 1))
        y[[0, 2, n // 2, n // 2 + 1, n - 2]] = np.nan
        space = SearchSpace(orders, 1, stationary=True, invertible=True)
        params = np.append(space.forward(rng.uniform(-1, 1, size=space.size))[0], 1.7)
        slopes = np.empty(len(params))
        for i in range(len(params)):
            moved = params.astype(complex)
            moved[i] += 1e-30j
            slopes[i] = log_likelihood_forward(moved, y, design, orders)[0].imag / 1e-30
        for compiled in (True, False):
            with kernels.disabled(*([np.float32] if compiled else [])):
                _, saved = log_likelihood_forward(params, y, design, orders)
                score = log_likelihood_backward(1.0, saved)
            assert_close(score, slopes, 1e-10, f"{orders} {compiled=}")


@pytest.mark.parametrize(
    ("order", "seasonal_order"),
    [((1, 0, 2), (0, 0, 0, 0)), ((0, 2, 1), (0, 0, 0, 0)), ((1, 1, 1), (1, 1, 1, 4)),
     ((2, 0, 0), (0, 1, 1, 12))],
)  # fmt: skip
def test_statsmodels_has_the_same_log_likelihood(order, seasonal_order, rng, statsmodels):
    """Only statsmodels includes the constant 2 pi of the diffuse steps; scratchgpt and R do not."""
    orders = Orders.of(order, seasonal_order)
    y, design = rng.normal(size=60).cumsum(), rng.normal(size=(60, 1))
    y[[0, 3, 17, 18, 40, 59]] = np.nan
    space = SearchSpace(orders, 1, stationary=True, invertible=True)
    params = np.append(space.forward(rng.uniform(-1, 1, size=space.size))[0], 1.7)
    peer = statsmodels.tsa.SARIMAX(
        y, design, order=order, seasonal_order=seasonal_order, use_exact_diffuse=True
    ).filter(params)
    llf, _ = log_likelihood_forward(params, y, design, orders)
    assert llf == pytest.approx(peer.llf + 0.5 * orders.n_diffuse * np.log(2 * np.pi), rel=1e-9)


@pytest.mark.parametrize(
    ("order", "seasonal_order", "tolerance"),
    [((1, 0, 2), (0, 0, 0, 0), 1e-8), ((0, 2, 1), (0, 0, 0, 0), 1e-3),
     ((1, 1, 1), (1, 1, 1, 4), 1e-3), ((2, 0, 0), (0, 1, 1, 12), 1e-3)],
)  # fmt: skip
def test_statsmodels_comes_close_with_a_large_finite_variance(
    order, seasonal_order, tolerance, rng, statsmodels
):
    """That is its default. It skips the first d + s D values, so these are observed here."""
    orders = Orders.of(order, seasonal_order)
    y = rng.normal(size=90).cumsum()
    y[[30, 31, 47, 60, 89]] = np.nan
    space = SearchSpace(orders, 0, stationary=True, invertible=True)
    params = np.append(space.forward(rng.uniform(-1, 1, size=space.size))[0], 1.7)
    peer = statsmodels.tsa.SARIMAX(y, order=order, seasonal_order=seasonal_order).filter(params)
    llf, _ = log_likelihood_forward(params, y, np.zeros((90, 0)), orders)
    assert llf == pytest.approx(peer.llf, abs=tolerance)
