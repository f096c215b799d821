import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.index import TimeIndex
from scratchgpt.timeseries.forecasting.predictions import Forecast, normal_quantile

MEAN, VARIANCE = np.array([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 9.0])


def test_the_quantiles_equal_published_tables():
    assert normal_quantile(0.05) == pytest.approx(1.959963984540054, rel=1e-12)
    assert normal_quantile(0.2) == pytest.approx(1.2815515655446004, rel=1e-12)


@pytest.mark.parametrize("alpha", [0, 1, -0.1, 95, "0.05", None, np.nan])
def test_an_alpha_outside_of_0_to_1_is_refused(alpha):
    with pytest.raises(UserError, match="must be between 0 and 1"):
        normal_quantile(alpha)


def test_intervals_are_the_mean_plus_minus_the_quantile_times_the_standard_error():
    forecast = Forecast(MEAN, VARIANCE, TimeIndex([0.0] * 5, 5), 5)
    lower, upper = forecast.conf_int(0.05).T
    np.testing.assert_allclose((lower + upper) / 2, MEAN)
    np.testing.assert_allclose((upper - lower) / 2, 1.959963984540054 * np.sqrt(VARIANCE))
    np.testing.assert_allclose(forecast.se_mean, [1, 2, 3])
    np.testing.assert_array_equal(forecast.summary_frame()[:, 2:], forecast.conf_int())
    assert len(forecast) == 3


def test_results_for_a_pandas_series_are_pandas_objects(pandas):
    dates = pandas.date_range("2020", periods=8, freq="D")
    index = TimeIndex(pandas.Series(np.arange(5.0), index=dates[:5], name="sales"), 5)
    forecast = Forecast(MEAN, VARIANCE, index, 5)
    assert forecast.predicted_mean.name == "predicted_mean"
    assert list(forecast.se_mean.index) == list(dates[5:])
    assert list(forecast.conf_int().columns) == ["lower sales", "upper sales"]
    table = forecast.summary_frame(alpha=0.2)
    assert list(table.columns) == ["mean", "mean_se", "mean_ci_lower", "mean_ci_upper"]
    assert list(table.index) == list(dates[5:])
    unnamed = TimeIndex(pandas.Series(np.arange(5.0)), 5)
    assert list(Forecast(MEAN, VARIANCE, unnamed, 5).conf_int().columns) == ["lower y", "upper y"]
