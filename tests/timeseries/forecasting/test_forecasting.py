import tracemalloc
import warnings

import numpy as np
import pytest

from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.forecasting.forecasting import forecast
from scratchgpt.timeseries.orders import Orders

MODELS = [
    ((2, 0, 1), (0, 0, 0, 0), [0.5, 0.2, 0.4]),
    ((0, 1, 1), (0, 1, 1, 4), [-0.4, -0.6]),
    ((1, 2, 1), (1, 1, 0, 3), [0.3, -0.5, 0.4]),
    ((0, 0, 2), (1, 0, 1, 4), [0.4, 0.2, 0.5, 0.3]),
    ((0, 2, 0), (0, 0, 0, 0), []),
]


def problem(order, seasonal_order, coefficients, rng, missing=()):
    y = 10 * rng.normal(size=40).cumsum()
    y[list(missing)] = np.nan
    design, params = rng.normal(size=(46, 2)), np.array([2.0, -1.0, *coefficients, 1.7])
    return params, y, design, Orders.of(order, seasonal_order)


@pytest.mark.parametrize("missing", [(), (3, 20, 21), (0, 38, 39)], ids=str)
@pytest.mark.parametrize(("order", "seasonal_order", "coefficients"), MODELS)
def test_forecasts_equal_the_predictions_of_missing_values_at_the_end(
    order, seasonal_order, coefficients, missing, rng
):
    """Filtering the series with missing values appended gives the same means and variances."""
    params, y, design, orders = problem(order, seasonal_order, coefficients, rng, missing)
    mean, variance = forecast(params, y, design[:40], orders, 6, design[40:])
    model = ARIMA(np.append(y, np.full(6, np.nan)), design, order, seasonal_order, trend="n")
    result = model.filter(params)
    np.testing.assert_allclose(mean, result.fittedvalues[40:], rtol=1e-8)
    np.testing.assert_allclose(variance, result._one_step[1][40:], rtol=1e-8)


@pytest.mark.parametrize("missing", [(), (3, 20, 21)], ids=str)
@pytest.mark.parametrize(("order", "seasonal_order", "coefficients"), MODELS)
def test_forecasts_equal_those_of_statsmodels(
    order, seasonal_order, coefficients, missing, rng, statsmodels
):
    params, y, design, _ = problem(order, seasonal_order, coefficients, rng, missing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = statsmodels.tsa.statespace.SARIMAX(
            y,
            design[:40],
            order,
            seasonal_order,
            use_exact_diffuse=True,
            enforce_stationarity=True,
            tolerance=0,
        ).filter(params)
    expected = theirs.get_forecast(6, exog=design[40:])
    result = ARIMA(y, design[:40], order, seasonal_order, trend="n").filter(params)
    found = result.get_forecast(6, exog=design[40:])
    np.testing.assert_allclose(found.predicted_mean, expected.predicted_mean, rtol=1e-8)
    np.testing.assert_allclose(found.se_mean, expected.se_mean, rtol=1e-8)
    settled = np.isfinite(result.fittedvalues)
    np.testing.assert_allclose(
        result.fittedvalues[settled], theirs.fittedvalues[settled], rtol=1e-7, atol=1e-7
    )


def test_intervals_contain_the_future_at_their_nominal_rate(rng):
    """Compare with simulated futures of the same past."""
    model = ARIMA(10 * rng.normal(size=40).cumsum(), order=(1, 1, 1))
    result = model.filter([0.5, 0.3, 2.0])
    futures = np.stack([result.simulate(5, seed, anchor="end") for seed in range(2000)])
    found = result.get_forecast(5)
    np.testing.assert_allclose(futures.mean(axis=0), found.predicted_mean, atol=0.4)
    np.testing.assert_allclose(futures.std(axis=0), found.se_mean, rtol=0.06)
    lower, upper = found.conf_int(0.2).T
    share = ((lower < futures) & (futures < upper)).mean(axis=0)
    np.testing.assert_allclose(share, 0.8, atol=0.04)


def test_a_season_of_a_year_of_days_fits_in_memory(rng):
    """Storing the (732, 732) covariance of each day of four years would take 6 GB."""
    y = np.tile(10 * np.sin(np.arange(365) / 58), 4) + rng.normal(size=1460)
    model = ARIMA(y, order=(1, 0, 0), seasonal_order=(0, 1, 1, 365))
    tracemalloc.start()
    found = model.filter([0.5, -0.6, 1.0]).get_forecast(30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.isfinite(found.se_mean).all()
    assert peak < 200e6


@pytest.mark.parametrize(("order", "seasonal_order", "coefficients"), MODELS)
def test_the_method_for_explosive_series_agrees_on_a_long_stationary_series(
    order, seasonal_order, coefficients, rng, monkeypatch
):
    """The two methods differ only in their start, which a long series forgets."""
    from scratchgpt.timeseries.forecasting import final_state

    params, _, _, orders = problem(order, seasonal_order, coefficients, rng)
    y, design = rng.normal(size=400).cumsum(), rng.normal(size=(406, 2))
    expected = forecast(params, y, design[:400], orders, 6, design[400:])
    monkeypatch.setattr(final_state, "is_stationary", lambda phi: False)
    found = forecast(params, y, design[:400], orders, 6, design[400:])
    np.testing.assert_allclose(found, expected, rtol=1e-7)
