"""Plots of a fitted model: forecasts and residual diagnostics."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.escapes import plot_text
from scratchgpt.timeseries.data.inputs import positive_count
from scratchgpt.timeseries.diagnostics.correlation import acf
from scratchgpt.timeseries.diagnostics.ljung_box import ljung_box
from scratchgpt.timeseries.estimates import Estimates

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_BLUE, _ORANGE, _GRAY, _BLACK = "#1f6fb4", "#d95f02", "#666666", "#222222"

_MOST_TICKS = 9
# Of a long history, plot this many values per forecast step, but at least the number below.
_SHOWN_PER_STEP = 8
_SHOWN_AT_LEAST = 120


def plot_forecast(
    results: Estimates,
    steps: int = 24,
    alpha: float = 0.05,
    *,
    exog: Any = None,
    labels: Sequence[str] | None = None,
    season: int | None = None,
    name: str | None = None,
    log: bool = False,
) -> "Figure":
    """Plot the series, its one-step predictions, and the forecast with its interval.

    If the series is long, only its end is plotted.

    Parameters
    ----------
    results : ARIMAResults
    steps : int
    alpha : float
        The probability of the interval is 1 - alpha.
    exog : array (steps, k), optional
        Regressors for the forecast steps.
    labels : sequence of str (n + steps,), optional
        Labels of the times; by default the index of a pandas series, or positions starting at 0.
    season : int, optional
        Ticks are a multiple of this many steps apart; by default the model's season.
    name : str, optional
        Name of the series; by default the name of a pandas series.
    log : bool
        Set to True if the model was fitted to the logarithm; the original values are plotted.

    Returns
    -------
    figure : matplotlib.figure.Figure

    Raises
    ------
    UserError
        If matplotlib is not installed, or ``steps``, ``alpha`` or ``exog`` cannot be used.
    """
    figure = _new_figure((9, 4.5))
    steps = positive_count("steps", steps)
    ahead, n = results.get_forecast(steps, exog), results.nobs
    index = results.model.index
    labels = _written(results, n + steps) if labels is None else labels
    season = season or results.model.orders.s or 1
    name = plot_text(name or ("" if index.name is None else str(index.name)))

    from_log = np.exp if log else np.asarray
    values, fitted = from_log(results.model.endog), from_log(np.asarray(results.fittedvalues))
    mean = from_log(np.asarray(ahead.predicted_mean))
    bounds = from_log(np.asarray(ahead.conf_int(alpha)))
    # A value with an infinite variance has no interval to draw.
    lower, upper = np.where(np.isfinite(bounds).all(axis=1), bounds.T, np.nan)

    axes = figure.subplots()
    first = max(0, n - max(_SHOWN_AT_LEAST, _SHOWN_PER_STEP * steps))
    times = np.arange(n + steps)
    history, future = times[first:n], times[n:]
    level = f"{100 * (1 - float(alpha)):g} % interval"
    filled = {"color": _ORANGE, "alpha": 0.2, "linewidth": 0}
    band = axes.fill_between(future, lower, upper, label=level, **filled)
    # A value between two missing values has no line segment, so it needs a marker.
    has_gaps = np.isnan(values[first:]).any() or np.isnan(mean).any()
    has_points = len(history) + steps <= _SHOWN_AT_LEAST or has_gaps
    marker = "o" if has_points else None
    style = {"linewidth": 1.5, "marker": marker, "markersize": 3}
    fit = {"color": _BLUE, "linewidth": 1.2, "label": "one-step predictions"}
    [predicted] = axes.plot(history, fitted[first:], **fit)
    [observed] = axes.plot(history, values[first:], color=_BLACK, label=name or "series", **style)
    [forecast] = axes.plot(
        future, mean, color=_ORANGE, label="forecast", **style | {"linewidth": 2}
    )
    seen = np.concatenate([values[first:], lower, upper])
    _limit_to(axes, _finite(seen), _finite(fitted[first:]))
    axes.set_title(str(results.model.orders), loc="left", fontweight="bold")
    if name:
        axes.set_ylabel(name)
    _label_times(axes, labels, season, first)
    handles = [observed, predicted, forecast, band]
    figure.legend(
        handles,
        [handle.get_label() for handle in handles],  # by itself, it leaves out names like "_x"
        loc="outside lower center",
        ncols=len(handles),
        frameon=False,
    )
    _finish(axes)
    return figure


def plot_diagnostics(
    results: Estimates,
    lags: int | None = None,
    *,
    labels: Sequence[str] | None = None,
    season: int | None = None,
) -> "Figure":
    """Plot residual diagnostics.

    The four panels show the standardized residuals over time, their histogram with the normal
    density, their quantiles against normal quantiles, and their autocorrelations with the
    confidence band of white noise and the p-value of the Ljung-Box test. The residuals of a good
    model show no pattern over time, are normally distributed and are uncorrelated.

    Parameters
    ----------
    results : ARIMAResults
    lags : int, optional
        Number of autocorrelations; by default two seasons, or 10 log10(n).
    labels, season
        As in :func:`plot_forecast`, with labels for the series only.

    Returns
    -------
    figure : matplotlib.figure.Figure

    Raises
    ------
    UserError
        If matplotlib is not installed, or if there are not more residuals than ``lags``.
    """
    figure = _new_figure((9, 6.5))
    residuals = np.asarray(results.standardized_resid)
    known = _finite(residuals)
    if lags is None:
        season = results.model.orders.s
        lags = max(2 * season, int(10 * np.log10(len(known))))
        lags = max(1, min(lags, len(known) // 2))
    lags = positive_count("lags", lags)

    (over_time, density), (quantiles, correlations) = figure.subplots(2, 2)
    figure.suptitle(f"Residuals of {results.model.orders}", fontweight="bold")
    _plot_over_time(over_time, residuals)
    labels = _written(results, results.nobs) if labels is None else labels
    _label_times(over_time, labels, season or results.model.orders.s or 1, 0, most=5)
    _plot_density(density, known)
    _plot_quantiles(quantiles, known)
    _plot_autocorrelations(correlations, known, lags, sum(results.model.orders.n_coefficients))
    for axes in (over_time, density, quantiles, correlations):
        _finish(axes)
    return figure


def _plot_over_time(axes: Any, residuals: Array) -> None:
    axes.axhline(0, color=_GRAY, linewidth=0.8)
    axes.plot(residuals, color=_BLUE, linewidth=1)
    axes.set_title("over time", loc="left")
    axes.set_ylabel("standard deviations")


def _plot_density(axes: Any, known: Array) -> None:
    """Plot a histogram, a kernel density estimate (Silverman bandwidth) and the normal density."""
    from scipy.stats import gaussian_kde

    reach = max(3.5, float(np.abs(known).max()) + 0.5)
    grid = np.linspace(-reach, reach, 400)
    bins = int(np.clip(2 * np.sqrt(len(known)), 8, 60))
    axes.hist(known, bins=bins, density=True, color=_BLUE, alpha=0.3)
    if len(known) > 2 and np.ptp(known) > 0:
        density = gaussian_kde(known, bw_method="silverman")(grid)
        axes.plot(grid, density, color=_BLUE, linewidth=2, label="residuals")
    normal = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    axes.plot(grid, normal, color=_ORANGE, linewidth=2, label="normal")
    axes.set_title("density", loc="left")
    axes.legend(framealpha=0.95)


def _plot_quantiles(axes: Any, known: Array) -> None:
    from scipy.special import ndtri

    n = len(known)
    expected = ndtri((np.arange(1, n + 1) - 0.5) / n)
    reach = expected[-1] * 1.1
    axes.plot([-reach, reach], [-reach, reach], color=_ORANGE, linewidth=1.5)
    axes.plot(expected, np.sort(known), "o", color=_BLUE, markersize=3.5, alpha=0.7)
    axes.set_title("quantiles", loc="left")
    axes.set_xlabel("normal quantiles")
    axes.set_ylabel("residual quantiles")


def _plot_autocorrelations(axes: Any, known: Array, lags: int, n_coefficients: int) -> None:
    """Plot the autocorrelations, labeled with the p-value of the Ljung-Box test of all lags."""
    correlogram = acf(known, lags, band="white")
    at = np.arange(1, lags + 1)
    band = correlogram.band[1]
    axes.axhspan(-band, band, color=_ORANGE, alpha=0.15, linewidth=0)
    axes.axhline(0, color=_GRAY, linewidth=0.8)
    axes.vlines(at, 0, correlogram.values[1:], color=_BLUE, linewidth=2)
    axes.plot(at, correlogram.values[1:], "o", color=_BLUE, markersize=3.5)
    reach = 1.25 * max(2 * band, float(np.abs(correlogram.values[1:]).max()))
    axes.set_ylim(-min(reach, 1), min(reach, 1))
    axes.set_xlim(0, lags + 1)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_title("autocorrelations", loc="left")
    p_value = ljung_box(known, lags, n_parameters=n_coefficients).p_value[0]
    test = "" if np.isnan(p_value) else f"; Ljung-Box test of all lags: p = {p_value:.3f}"
    axes.set_xlabel(f"lag{test}")


def _new_figure(size: tuple[float, float]) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError(
            "plots need matplotlib; install it with pip install 'scratchgpt-numpy[plots]'"
        ) from error
    return Figure(figsize=size, dpi=160, layout="constrained")


def _written(results: Estimates, n: int) -> list[str]:
    """Format the labels of the first n times: positions, or pandas labels without midnight."""
    index = results.model.index.between(0, n)
    times = range(n) if index is None else index
    return [str(label).removesuffix(" 00:00:00") for label in times]


def _finite(values: Array) -> Array:
    return values[np.isfinite(values)]


def _limit_to(axes: Any, seen: Array, settled: Array) -> None:
    """Fit the y limits to series and interval, and let predictions extend them by up to 25 %."""
    low, high = float(seen.min()), float(seen.max())
    room = 0.25 * (high - low)
    if settled.size:
        low = max(min(low, float(settled.min())), low - room)
        high = min(max(high, float(settled.max())), high + room)
    axes.set_ylim(low - 0.04 * (high - low), high + 0.04 * (high - low))


def _label_times(
    axes: Any, labels: Sequence[str], season: int, first: int, most: int = _MOST_TICKS
) -> None:
    """Set ticks at round years, or at the start of seasons, with the labels of those times."""
    n, phase = len(labels), 0
    if labels[0].isdecimal() and labels[-1] == str(int(labels[0]) + n - 1):
        season, phase = 1, -int(labels[0])
    round_spans = [step * 10**power for power in range(9) for step in (1, 2, 5)]
    apart = next(season * span for span in round_spans if (n - first) / (season * span) <= most)
    if season > 1 and (n - first) / apart <= 2:  # less than three seasons: divide them
        parts = [k for k in range(1, season) if season % k == 0]
        apart = next(span for span in parts + round_spans if (n - first) / span <= most)
    start = first + (phase - first) % apart
    ticks = np.arange(start, n, apart)
    axes.set_xticks(ticks, [plot_text(labels[i]) for i in ticks])


def _finish(axes: Any) -> None:
    axes.grid(color="#e3e3e3", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
