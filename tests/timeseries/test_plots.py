import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries import ARIMA, load_example

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def nile():
    return ARIMA(load_example("nile").values, order=(0, 1, 1)).fit()


def line(axes, label):
    return next(one for one in axes.get_lines() if one.get_label() == label)


def test_history_fit_and_forecast_are_plotted_at_their_times(nile):
    axes = nile.plot_forecast(5, 0.2).axes[0]
    assert np.array_equal(line(axes, "series").get_ydata(), nile.model.endog)
    predictions = line(axes, "one-step predictions").get_ydata()
    assert np.array_equal(predictions, nile.fittedvalues, equal_nan=True)
    times, values = line(axes, "forecast").get_data()
    assert times.tolist() == [100, 101, 102, 103, 104]
    assert np.array_equal(values, nile.forecast(5))
    (band,) = axes.collections
    lower, upper = nile.get_forecast(5).conf_int(0.2).T
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (lower.min(), upper.max())
    assert band.get_label() == "80 % interval"


def test_a_model_of_the_logarithm_is_plotted_as_values():
    airline = load_example("airline")
    results = ARIMA(np.log(airline.values), order=(0, 1, 1), seasonal_order=(0, 1, 1, 12)).fit()
    from scratchgpt.timeseries.plots import plot_forecast

    labels = airline.labels + airline.frequency.following(24)
    axes = plot_forecast(results, 24, labels=labels, season=12, name="passengers", log=True).axes[0]
    assert np.allclose(line(axes, "passengers").get_ydata(), airline.values)
    assert np.allclose(line(axes, "forecast").get_ydata(), np.exp(results.forecast(24)))
    labels = [tick.get_text() for tick in axes.get_xticklabels()]
    assert labels[:2] == ["1949-01", "1951-01"]


def test_ticks_of_years_are_round(nile):
    from scratchgpt.timeseries.plots import plot_forecast

    years = [str(year) for year in range(1871, 1981)]
    axes = plot_forecast(nile, 10, labels=years).axes[0]
    ticks = {
        tick.get_text(): place
        for tick, place in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)
    }
    assert ticks == {str(year): year - 1871 for year in range(1880, 1981, 20)}


@pytest.mark.parametrize("most", [5, 9])
@pytest.mark.parametrize("season", [1, 2, 4, 7, 12, 52, 168])
def test_a_time_axis_has_several_ticks(season, most):
    from matplotlib.figure import Figure

    from scratchgpt.timeseries.plots import _label_times

    axes = Figure().subplots()
    for n in (*range(2, 60), 100, 168, 169, 1000):
        for first in (0, n // 3):
            for labels in (list(map(str, range(1871, 1871 + n))), [f"w{i}" for i in range(n)]):
                _label_times(axes, labels, season, first, most)
                ticks = axes.get_xticks()
                assert min(2, n - first) <= len(ticks) <= most + 1, (n, first)
                assert first <= ticks[0]
                assert ticks[-1] < n


def test_only_the_end_of_a_long_series_is_plotted():
    y = np.random.default_rng(0).standard_normal(1000)
    axes = ARIMA(y, order=(1, 0, 0)).fit().plot_forecast(10).axes[0]
    times = line(axes, "series").get_xdata()
    assert (times[0], times[-1]) == (880, 999)


def test_the_diagnostics_show_the_standardized_residuals(nile):
    over_time, density, quantiles, correlations = nile.plot_diagnostics(12).axes
    residuals = nile.standardized_resid
    assert any(
        np.array_equal(one.get_ydata(), residuals, equal_nan=True) for one in over_time.get_lines()
    )
    area = sum(bar.get_width() * bar.get_height() for bar in density.patches)
    assert area == pytest.approx(1)
    points = quantiles.get_lines()[-1]
    assert np.array_equal(points.get_ydata(), np.sort(residuals[1:]))
    known = residuals[1:] - residuals[1:].mean()
    expected = [known[k:] @ known[: len(known) - k] / (known @ known) for k in range(1, 13)]
    assert np.allclose(correlations.get_lines()[-1].get_ydata(), expected)
    assert "Ljung-Box test of all lags: p = " in correlations.get_xlabel()


def test_pandas_dates_are_tick_labels():
    pandas = pytest.importorskip("pandas")
    index = pandas.date_range("2020-01-01", periods=60, freq="MS")
    y = pandas.Series(np.random.default_rng(0).standard_normal(60), index, name="noise")
    results = ARIMA(y, order=(1, 0, 0), seasonal_order=(0, 0, 1, 12)).fit()
    axes = results.plot_forecast(12).axes[0]
    assert axes.get_xticklabels()[0].get_text() == "2020-01-01"
    assert axes.get_ylabel() == "noise"


def test_invalid_arguments_of_plots_are_refused(nile, monkeypatch):
    with pytest.raises(UserError, match="steps=0"):
        nile.plot_forecast(0)
    with pytest.raises(UserError, match="lags=0"):
        nile.plot_diagnostics(0)
    with pytest.raises(UserError, match=r"from 1 to"):
        nile.plot_diagnostics(99)
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UserError, match="plots need matplotlib"):
        nile.plot_forecast(3)
