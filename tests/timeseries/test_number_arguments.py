"""Counts and probabilities are numbers of any library; bools and fractions are not counts."""

import fractions

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries import (
    AR,
    ARIMA,
    acf,
    auto_arima,
    dickey_fuller,
    kpss,
    ljung_box,
    n_differences,
    n_seasonal_differences,
    pacf,
    seasonal_strength,
    stl,
)

Y = np.random.default_rng(3).normal(size=60).cumsum()
RESULTS = ARIMA(Y, order=(1, 0, 0)).filter([0.0, 0.5, 1.0])

COUNTS = {
    "acf": lambda k: acf(Y, k).values,
    "pacf": lambda k: pacf(Y, n_lags=k).values,
    "ljung_box": lambda k: ljung_box(Y, k).statistic,
    "ljung_box, several": lambda k: ljung_box(Y, [1, k]).statistic,
    "n_parameters": lambda k: ljung_box(Y, 9, n_parameters=k).p_value,
    "dickey_fuller": lambda k: dickey_fuller(Y, max_lags=k, criterion=None),
    "kpss": lambda k: kpss(Y, lags=k),
    "stl": lambda k: stl(Y, k).trend,
    "window": lambda k: stl(Y, 4, window=k).trend,
    "seasonal_strength": lambda k: seasonal_strength(Y, k),
    "max_d": lambda k: n_differences(Y, max_d=k),
    "max_D": lambda k: n_seasonal_differences(Y, 4, max_D=k),
    "differences by period": lambda k: n_seasonal_differences(Y, k),
    "AR": lambda k: AR(Y, k).fit().ar,
    "max_order": lambda k: AR(Y, max_order=k).fit().aicc,
    "AR.forecast": lambda k: AR(Y, 1).fit().forecast(k),
    "AR.forecast_se": lambda k: AR(Y, 1).fit().forecast_se(k),
    "p": lambda k: str(ARIMA(Y, order=(k, 0, 0)).orders),
    "forecast": lambda k: RESULTS.forecast(k),
    "predict": lambda k: RESULTS.predict(k, k),
    "simulate": lambda k: RESULTS.simulate(k),
    "seed": lambda k: RESULTS.simulate(4, seed=k),
    "period": lambda k: auto_arima(Y, k, d=0, D=0, start=(0, 0, 0, 0), n_models=1).name,
    "n_models": lambda k: auto_arima(Y, 1, d=0, n_models=k, max_p=1, max_q=0).name,
    "max_p": lambda k: auto_arima(Y, 1, d=0, max_p=k, max_q=0).name,
}


@pytest.mark.parametrize("call", COUNTS.values(), ids=COUNTS)
def test_whole_numbers_of_any_library_are_counts_and_nothing_else_is(call):
    expected = np.asarray(call(3))
    for count in (np.int64(3), np.uint8(3), np.array(3)):
        np.testing.assert_array_equal(np.asarray(call(count)), expected)
    for other in (3.0, np.float64(3), True, np.True_, "3", np.timedelta64(3, "D"), 3.5, 3j):
        with pytest.raises(UserError):
            call(other)


ALPHAS = {
    "conf_int": lambda alpha: RESULTS.conf_int(alpha),
    "forecast": lambda alpha: RESULTS.get_forecast(2).conf_int(alpha),
    "summary": lambda alpha: RESULTS.summary(alpha).count("\n"),
    "acf": lambda alpha: acf(Y, alpha=alpha).band,
    "pacf": lambda alpha: pacf(Y, alpha=alpha).band,
}


@pytest.mark.parametrize("call", ALPHAS.values(), ids=ALPHAS)
def test_real_numbers_of_any_library_are_probabilities_and_nothing_else_is(call):
    for level in (np.float32(0.25), np.float64(0.25), fractions.Fraction(1, 4), np.array(0.25)):
        np.testing.assert_array_equal(call(level), call(0.25))
    for other in (True, 1, 0, -0.1, np.nan, "0.25", 0.25j, None):
        with pytest.raises(UserError, match=r"alpha=.* must be between 0 and 1"):
            call(other)
