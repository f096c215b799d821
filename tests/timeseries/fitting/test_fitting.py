"""Searches end at the highest maximum, from any start, compiled or not."""

import warnings

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.timeseries import ARIMA, load_example

MODELS = [
    ((0, 1, 1), (0, 0, 0, 0)),
    ((0, 1, 2), (0, 0, 0, 0)),
    ((1, 1, 1), (0, 0, 0, 0)),
    ((2, 0, 0), (0, 0, 0, 0)),
    ((0, 1, 1), (0, 1, 1, 4)),
    ((1, 0, 0), (0, 1, 1, 4)),
]
EDGES = [0.9999999, -0.9999999, 0.999, -0.999]


def series(seed, n=80):
    """Noise that turns into a random walk, so the best moving average moves off the unit circle."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    z[5 * n // 8 :] += np.cumsum(rng.normal(size=n - 5 * n // 8))
    return z


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("order", "seasonal"), MODELS)
def test_a_refit_is_not_below_a_fresh_fit(order, seasonal, seed):
    z = series(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        first = ARIMA(z[:50], order=order, seasonal_order=seasonal).fit()
        again = first.append(z[50:], refit=True)
        fresh = ARIMA(z, order=order, seasonal_order=seasonal).fit()
    assert again.llf >= fresh.llf - 1e-4


@pytest.mark.parametrize("ma", EDGES)
def test_a_start_at_the_edge_does_not_hold_the_search(ma):
    z = series(4)
    fresh = ARIMA(z, order=(0, 1, 1)).fit()
    assert fresh.llf == pytest.approx(-140.308, abs=1e-3)  # as in R
    assert ARIMA(z, order=(0, 1, 1)).fit([ma, 1.0]).llf >= fresh.llf - 1e-4
    assert ARIMA(z, order=(0, 1, 1)).fit([ma, 1.0], thorough=False).llf >= fresh.llf - 1e-4


@pytest.mark.parametrize("ar", EDGES)
def test_a_start_near_a_unit_root_does_not_hold_the_search(ar, rng):
    y = rng.normal(size=60)
    fresh = ARIMA(y, order=(1, 0, 0)).fit()
    assert ARIMA(y, order=(1, 0, 0)).fit([0.0, ar, 1.0], thorough=False).llf >= fresh.llf - 1e-4


@pytest.mark.parametrize("missing", [0, 3])
@pytest.mark.parametrize(
    ("order", "seasonal", "trend"),
    [
        ((1, 1, 1), (0, 0, 0, 0), "n"),
        ((2, 0, 2), (0, 0, 0, 0), "c"),
        ((3, 0, 0), (1, 0, 0, 4), "ct"),
        ((1, 0, 0), (0, 1, 1, 4), "t"),
    ],
)
def test_the_compiled_search_and_the_reference_reach_the_same_maximum(
    order, seasonal, trend, missing
):
    y = np.log(load_example("airline").values[:60])
    y[10 : 10 + 2 * missing : 2] = np.nan
    model = ARIMA(y, order=order, seasonal_order=seasonal, trend=trend)
    compiled = model.fit()
    with kernels.disabled():
        reference = model.fit()
    assert compiled.converged
    assert reference.converged
    assert compiled.llf == pytest.approx(reference.llf, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-140, 1e140])
def test_the_unit_of_the_series_does_not_matter(scale, rng):
    y = rng.normal(size=40)
    fit, scaled = [ARIMA(x, order=(1, 0, 1)).fit() for x in (y, scale * y)]
    np.testing.assert_allclose(scaled.params[1:3], fit.params[1:3], atol=1e-4)
