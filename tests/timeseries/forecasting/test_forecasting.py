import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.forecasting.forecasting import forecast
from scratchgpt.timeseries.likelihood.diffuse import difference_coefficients
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


def best_linear_prediction(y, order, seasonal_order, coefficients, steps):
    """Predict from the dense joint covariance, with unknown starts of the differences.

    Returns means and variances in units of sigma2, NaN and infinite for values that depend on a
    combination of starting values that no observed value depends on; and the number of combinations
    that the observed values determine.
    """
    p, q, P, s = order[0], order[2], seasonal_order[0], max(seasonal_order[3], 1)
    ar, ma, sar, sma = np.split(np.asarray(coefficients), np.cumsum([p, q, P]))
    phi = np.convolve([1, *-ar], [1, *np.kron(-sar, np.eye(s)[-1])])
    theta = np.convolve([1, *ma], [1, *np.kron(sma, np.eye(s)[-1])])
    delta = difference_coefficients(order[1], seasonal_order[1], s)
    n, k = len(y) + steps, len(delta)

    psi = lfilter(theta, phi, np.eye(1, 3000)[0])
    stationary = toeplitz([psi[: 3000 - lag] @ psi[lag:] for lag in range(n)])
    integrate = np.tril(toeplitz(lfilter([1.0], [1.0, *-delta], np.eye(1, n)[0])))
    covariance = integrate @ stationary @ integrate.T
    starts = list(np.eye(k)[::-1])  # the effect of each starting value on y_t
    for _ in range(n):
        starts.append(delta @ np.array(starts[: -k - 1 : -1]).reshape(k, k))
    starts = np.array(starts[k:]).reshape(n, k)

    seen = np.append(~np.isnan(y), np.zeros(steps, bool))
    _, sizes, basis = np.linalg.svd(starts[seen])
    rank = np.count_nonzero(sizes > 1e-9)
    unsettled = np.linalg.norm(starts[len(y) :] @ basis[rank:].T, axis=1) > 1e-7
    seen_effects, effects = starts[seen] @ basis[:rank].T, starts[len(y) :] @ basis[:rank].T
    weights = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[seen, len(y) :]).T
    inverse = np.linalg.inv(covariance[np.ix_(seen, seen)])
    of_effects = np.linalg.inv(seen_effects.T @ inverse @ seen_effects)
    effect = of_effects @ seen_effects.T @ inverse @ y[seen[: len(y)]]
    mean = weights @ (y[seen[: len(y)]] - seen_effects @ effect) + effects @ effect
    rest = effects - weights @ seen_effects
    variance = np.diag(covariance)[len(y) :] - (weights * covariance[len(y) :, seen]).sum(axis=1)
    variance = variance + np.einsum("hi,ij,hj->h", rest, of_effects, rest)
    return np.where(unsettled, np.nan, mean), np.where(unsettled, np.inf, variance), rank


@given(
    model=st.sampled_from([each for each in MODELS if each[0][1] + each[1][1]]),
    seed=st.integers(0, 10**6),
    never=st.sets(st.integers(0, 3), max_size=2),
    n_missing=st.sampled_from([0, 6]),
)
def test_a_value_that_no_observation_determines_has_no_mean_and_an_infinite_variance(
    model, seed, never, n_missing
):
    """Compare with linear algebra on the joint covariance, in and after the series."""
    order, seasonal_order, coefficients = model
    rng, n, steps = np.random.default_rng(seed), 40, 9
    y = 10 * rng.normal(size=n).cumsum()
    y[np.isin(np.arange(n) % (seasonal_order[3] or 4), list(never)[: seasonal_order[3] - 2])] = (
        np.nan
    )
    y[rng.permutation(n)[:n_missing]] = np.nan
    *expected, rank = best_linear_prediction(y, order, seasonal_order, coefficients, steps)

    result = ARIMA(y, None, order, seasonal_order, trend="n").filter([*coefficients, 2.0])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = result.get_forecast(steps)
        simulated = result.simulate(steps, anchor="end")
    np.testing.assert_allclose(found.predicted_mean, expected[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.var_pred_mean, 2.0 * expected[1], rtol=1e-6)
    unsettled = np.isinf(expected[1])
    bounds = np.where(unsettled[:, None], [-np.inf, np.inf], found.conf_int())
    np.testing.assert_array_equal(found.conf_int(), bounds)
    assert not np.isnan(bounds).any()
    np.testing.assert_array_equal(np.isnan(simulated), unsettled)
    assert len(said) == 2 * unsettled.any()
    assert all(f"{unsettled.sum()} of the 9 values" in str(each.message) for each in said)

    assert result.model.n_used == np.count_nonzero(~np.isnan(y)) - rank

    before = best_linear_prediction(y[:25], order, seasonal_order, coefficients, n - 25)
    np.testing.assert_allclose(result.fittedvalues[25], before[0][0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(result._one_step[1][25], 2.0 * before[1][0], rtol=1e-6)


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
