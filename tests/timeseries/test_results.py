"""Results of a fitted model: estimates, residuals, predictions and forecasts."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scratchgpt.errors import UserError
from scratchgpt.timeseries.arima import ARIMA

Y = np.random.default_rng(7).normal(size=80).cumsum()
Z = np.random.default_rng(8).normal(size=(90, 1))
AIRLINE = {"order": (0, 1, 1), "seasonal_order": (0, 1, 1, 4)}


def fitted(**arguments):
    return ARIMA(Y, **{"order": (1, 0, 1), **arguments}).fit()


def test_standard_errors_agree_with_the_curvature_of_the_log_likelihood():
    result = fitted(exog=Z[:80])
    k = len(result.params)
    step = np.diag(1e-3 * result.bse)
    hessian = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            hessian[i, j] = sum(
                a * b * result.model.loglike(result.params + a * step[i] + b * step[j])
                for a in (1, -1)
                for b in (1, -1)
            ) / (4 * step[i, i] * step[j, j])
    expected = np.linalg.inv(-hessian)
    np.testing.assert_allclose(result.bse, np.sqrt(np.diag(expected)), rtol=1e-3)
    np.testing.assert_allclose(result.cov_params, result.cov_params.T)
    sizes = np.outer(result.bse, result.bse)
    np.testing.assert_allclose(result.cov_params / sizes, expected / sizes, atol=1e-3)


def test_the_score_is_zero_at_the_estimates():
    for arguments in ({}, AIRLINE, {"exog": Z[:80], "order": (2, 1, 0)}):
        result = fitted(**arguments)
        assert np.abs(result.model.score(result.params) * result.bse).max() < 1e-3


def test_tests_and_intervals_of_the_parameters_are_normal():
    result = fitted()
    np.testing.assert_allclose(result.tvalues, result.params / result.bse)
    np.testing.assert_allclose(result.pvalues, 2 * stats.norm.sf(np.abs(result.tvalues)))
    lower, upper = result.conf_int(0.1).T
    np.testing.assert_allclose((lower + upper) / 2, result.params)
    np.testing.assert_allclose(upper - lower, 2 * 1.6448536269514722 * result.bse)


def test_criteria_come_from_the_log_likelihood():
    result = fitted()
    assert result.llf == result.model.loglike(result.params)
    assert result.aic == pytest.approx(-2 * result.llf + 8)
    assert result.bic == pytest.approx(-2 * result.llf + 4 * np.log(80))
    assert result.aicc == pytest.approx(result.aic + 2 * 4 * 5 / 75)
    assert result.hqic == pytest.approx(-2 * result.llf + 8 * np.log(np.log(80)))


def test_fitted_values_and_residuals_sum_to_the_series():
    result = fitted(**AIRLINE)
    np.testing.assert_allclose((result.fittedvalues + result.resid)[5:], Y[5:])
    assert np.isnan(result.fittedvalues[:5]).all()
    assert np.isfinite(result.fittedvalues[5:]).all()
    np.testing.assert_allclose(result.predict(), result.fittedvalues)


def test_the_likelihood_follows_from_the_standardized_residuals():
    result = fitted()
    e, scale = result.standardized_resid, result.resid / result.standardized_resid
    log_density = -0.5 * (np.log(2 * np.pi) + e**2) - np.log(scale)
    assert log_density.sum() == pytest.approx(result.llf, rel=1e-10)


def test_predictions_run_from_the_series_into_the_future():
    result = fitted(exog=Z[:80])
    both = result.predict(70, 84, exog=Z[80:85])
    np.testing.assert_array_equal(both[:10], result.fittedvalues[70:])
    np.testing.assert_array_equal(both[10:], result.forecast(5, exog=Z[80:85]))
    np.testing.assert_array_equal(result.predict(82, 84, exog=Z[80:85]), both[12:])
    np.testing.assert_array_equal(result.predict(-3, -1), result.fittedvalues[-3:])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: r.forecast(0), "steps=0 must be an integer of at least 1"),
        (lambda r: r.forecast(2.5), "steps=2.5 must be"),
        (lambda r: r.predict(7, 3), "end=3 is before start=7"),
        (lambda r: r.predict("1960"), "'1960' is not in the index of endog"),
        (lambda r: r.get_forecast(3).conf_int(95), "alpha=95 must be between 0 and 1"),
        (lambda r: r.conf_int(0), "alpha=0 must be between 0 and 1"),
        (lambda r: r.append([]), "new_data has 0 observed values"),
        (lambda r: r.append([1.0, np.inf]), "infinite"),
    ],
)
def test_invalid_arguments_of_results_are_refused_in_one_line(call, message):
    with pytest.raises(UserError, match=message) as refusal:
        call(fitted())
    assert "\n" not in str(refusal.value)


def test_forecasts_of_an_autoregression_decay_to_its_mean():
    result = ARIMA(Y, order=(1, 0, 0)).fit()
    mean, phi, sigma2 = result.params
    powers = phi ** np.arange(1, 9)
    forecast = result.get_forecast(8)
    np.testing.assert_allclose(forecast.predicted_mean, mean + powers * (Y[-1] - mean))
    expected = sigma2 * (1 - powers**2) / (1 - phi**2)
    np.testing.assert_allclose(forecast.var_pred_mean, expected, rtol=1e-8)


@given(seed=st.integers(0, 10**6), steps=st.integers(1, 30), scale=st.floats(1e-3, 1e6))
def test_forecasts_of_a_random_walk_are_flat_and_their_variance_grows_evenly(seed, steps, scale):
    y = scale * np.random.default_rng(seed).normal(size=30).cumsum()
    result = ARIMA(y, order=(0, 1, 0)).fit()
    forecast = result.get_forecast(steps)
    np.testing.assert_allclose(forecast.predicted_mean, y[-1], rtol=1e-9, atol=1e-9 * scale)
    sigma2 = (np.diff(y) ** 2).mean()
    np.testing.assert_allclose(forecast.var_pred_mean, sigma2 * np.arange(1, steps + 1))


@given(seed=st.integers(0, 10**6))
def test_a_drift_is_the_slope_from_first_to_last_value(seed):
    y = np.random.default_rng(seed).normal(size=30).cumsum()
    result = ARIMA(y, order=(0, 1, 0), trend="t").fit()
    slope = (y[-1] - y[0]) / 29
    assert result.params[0] == pytest.approx(slope, rel=1e-6, abs=1e-9)
    np.testing.assert_allclose(result.forecast(3), y[-1] + slope * np.arange(1, 4), atol=1e-6)


@given(
    seed=st.integers(0, 1000),
    log_scale=st.floats(-6, 6),
    shift=st.floats(-1e3, 1e3),
    kind=st.sampled_from(["constant", "differenced", "trend and regressor"]),
)
def test_parameters_are_equivariant_to_scale_and_shift(seed, log_scale, shift, kind):
    """Scaling y by a scales the regression by a and sigma2 by a²; ar and ma do not change."""
    rng, a = np.random.default_rng(seed), 10.0**log_scale
    y, x = rng.normal(size=40).cumsum(), rng.normal(size=40)
    arguments = {
        "constant": {"order": (1, 0, 0)},
        "differenced": {"order": (0, 1, 1)},
        "trend and regressor": {"order": (1, 0, 0), "trend": "ct", "exog": x},
    }[kind]
    plain = ARIMA(y, **arguments).fit()
    moved = ARIMA(a * (y + shift), **arguments).fit()
    n_columns = len(plain.params) - 2
    expected = plain.params.copy()
    if n_columns:
        expected[0] += shift
    expected[:n_columns] *= a
    expected[-1] *= a**2
    sizes = np.r_[np.full(n_columns, a * (1 + abs(shift))), 1, a**2]
    np.testing.assert_allclose(moved.params / sizes, expected / sizes, rtol=1e-5, atol=1e-6)
    n_used = plain.model.n_used
    assert moved.llf + n_used * np.log(a) == pytest.approx(plain.llf, abs=1e-6 * n_used)
    forecast = moved.forecast(3, exog=None if "exog" not in arguments else x[:3])
    before = plain.forecast(3, exog=None if "exog" not in arguments else x[:3])
    size = a * (1 + abs(shift))
    np.testing.assert_allclose(forecast / size, a * (before + shift) / size, atol=1e-5)


@given(seed=st.integers(0, 1000), n_new=st.integers(1, 12), model=st.sampled_from([0, 1, 2]))
def test_append_equals_refiltering(seed, n_new, model):
    arguments = [{"order": (1, 0, 1)}, AIRLINE, {"order": (1, 1, 0), "trend": "t"}][model]
    y = np.random.default_rng(seed).normal(size=60).cumsum()
    result = ARIMA(y[:-n_new], **arguments).fit()
    longer = result.append(y[-n_new:])
    again = ARIMA(y, **arguments).filter(result.params)
    assert longer.llf == again.llf
    np.testing.assert_array_equal(longer.params, result.params)
    np.testing.assert_array_equal(longer.fittedvalues, again.fittedvalues)
    np.testing.assert_array_equal(longer.forecast(4), again.forecast(4))
    np.testing.assert_allclose(
        longer.fittedvalues[: 60 - n_new], result.fittedvalues, rtol=1e-8, atol=1e-10
    )
    assert result.nobs == 60 - n_new


def test_the_first_new_value_was_predicted_by_the_forecast():
    result = fitted(exog=Z[:80])
    new = [1.0, 2.0, 3.0]
    longer = result.append(new, exog=Z[80:83])
    assert longer.fittedvalues[80] == pytest.approx(result.forecast(1, exog=Z[80:81])[0])
    with pytest.raises(UserError, match=r"pass their values at the 3 times .* as exog"):
        result.append(new)


def test_append_can_refit():
    result = ARIMA(Y[:60], order=(1, 0, 0)).fit()
    again = result.append(Y[60:], refit=True)
    np.testing.assert_allclose(again.params, ARIMA(Y, order=(1, 0, 0)).fit().params, rtol=1e-4)


@pytest.mark.parametrize("new", [[np.nan], [np.nan, np.nan], [None], [np.nan, 1.5]], ids=str)
def test_missing_values_can_be_appended(new):
    """They move the end of the series, and the forecast with it."""
    result = fitted(**AIRLINE)
    expected = result.forecast(8)
    longer = result.append(new)
    assert longer.nobs == 80 + len(new)
    np.testing.assert_allclose(longer.fittedvalues[80:], expected[: len(new)], rtol=1e-9)
    if new[-1] != 1.5:
        np.testing.assert_allclose(longer.forecast(6), expected[len(new) :][:6], rtol=1e-9)
        assert longer.llf == pytest.approx(result.llf, rel=1e-9)
    with pytest.raises(UserError, match="endog has no observation"):
        ARIMA(new if new[-1] != 1.5 else [None], **AIRLINE)


def test_missing_values_after_an_explosive_series_are_refused():
    y = 3 * 1.05 ** np.arange(60) + np.random.default_rng(0).normal(size=60)
    model = ARIMA(y, order=(1, 0, 1), trend="n", enforce_stationarity=False)
    result = model.fit(method="css")
    assert np.isfinite(result.append([60.0]).forecast(2)).all()
    with pytest.raises(UserError, match=r"not stationary, and .* depend on missing values"):
        result.append([np.nan]).forecast(2)


def test_missing_values_are_predicted_and_excluded_from_n_used():
    y = Y.copy()
    y[[10, 40, 41]] = np.nan
    result = ARIMA(y, order=(1, 0, 0)).fit()
    assert np.isfinite(result.fittedvalues).all()
    assert list(np.flatnonzero(np.isnan(result.resid))) == [10, 40, 41]
    phi = result.params[1]
    gap = result.params[0] + phi**2 * (y[39] - result.params[0])
    assert result.fittedvalues[41] == pytest.approx(gap)
    assert result.model.n_used == 77


def test_results_for_a_pandas_series_keep_its_labels(pandas):
    dates = pandas.date_range("2000-01", periods=80, freq="MS")
    result = ARIMA(pandas.Series(Y, index=dates, name="sales"), order=(1, 0, 0)).fit()
    names = ["const", "ar.L1", "sigma2"]
    for of_params in (result.params, result.bse, result.tvalues, result.pvalues):
        assert list(of_params.index) == names
    assert list(result.cov_params.columns) == list(result.cov_params.index) == names
    assert list(result.conf_int().index) == names
    for of_time in (result.fittedvalues, result.resid, result.predict()):
        assert list(of_time.index) == list(dates)
    ahead = pandas.date_range("2006-09", periods=3, freq="MS")
    assert list(result.forecast(3).index) == list(ahead)
    assert list(result.get_forecast(3).conf_int().columns) == ["lower sales", "upper sales"]
    assert list(result.predict("2006-07", "2006-10").index) == [*dates[-2:], *ahead[:2]]
    longer = result.append(pandas.Series([1.0, 2.0], index=ahead[:2]))
    assert list(longer.resid.index) == [*dates, *ahead[:2]]
    plain = ARIMA(Y, order=(1, 0, 0)).fit()
    np.testing.assert_array_equal(result.params, plain.params)
    np.testing.assert_array_equal(result.forecast(3), plain.forecast(3))


def test_dates_without_a_frequency_select_predictions(pandas):
    """Trading days: the value of each date is that of its position."""
    dates = pandas.to_datetime("2024-01-01") + pandas.to_timedelta(
        np.cumsum(1 + np.random.default_rng(0).integers(0, 4, 80)), unit="D"
    )
    result = ARIMA(pandas.Series(Y, index=dates), order=(1, 0, 0)).fit()
    expected = ARIMA(Y, order=(1, 0, 0)).fit().fittedvalues
    for first, last in ((0, 79), (10, 20), (79, 79)):
        found = result.predict(start=dates[first], end=dates[last])
        np.testing.assert_array_equal(found, expected[first : last + 1])
        assert list(found.index) == list(dates[first : last + 1])
    with pytest.raises(UserError, match="is after the last observation"):
        result.predict(dates[70], dates[79] + pandas.Timedelta(1, "D"))


def test_a_search_that_did_not_converge_is_reported_everywhere():
    model = ARIMA(Y, order=(2, 0, 2))
    with pytest.warns(RuntimeWarning, match=r"ARIMA\(2,0,2\): the optimizer did not converge"):
        result = model.fit(max_iterations=1)
    assert not result.converged
    assert "the optimizer did not converge" in result.warnings[0]
    assert "NOT CONVERGED" in result.summary()
    assert "Warning: the optimizer did not converge" in result.summary()


def test_a_search_that_converged_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = fitted()
    assert result.converged
    assert result.warnings == ()
    assert result.n_evaluations >= result.n_iterations > 0
