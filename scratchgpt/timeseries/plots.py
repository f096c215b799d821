"""Pictures of a fitted model: what it forecasts, and what it leaves unexplained."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.inputs import positive_count
from scratchgpt.timeseries.diagnostics.correlation import acf
from scratchgpt.timeseries.diagnostics.ljung_box import ljung_box
from scratchgpt.timeseries.estimates import Estimates

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_BLUE, _ORANGE, _GREY, _BLACK = "#1f6fb4", "#d95f02", "#666666", "#222222"

_MOST_TICKS = 9
_SHOWN_PER_STEP = 8  # of a long history, so many values for each of the forecast, and at least
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
    """Draw the series, its one-step predictions, and the forecast with its interval.

    Of a long series the end is shown.

    Parameters
    ----------
    results : ARIMAResults
    steps : int
    alpha : float
        The interval has the probability 1 - alpha.
    exog : array (steps, k), optional
        Regressors of the times ahead.
    labels : sequence of str (n + steps,), optional
        The times; by default the index of a pandas series, or positions from 0 on.
    season : int, optional
        Ticks stand this many steps apart, or a multiple; by default the model's season.
    name : str, optional
        Of the series; by default that of a pandas series.
    log : bool
        The model is one of the logarithm; draw the values.

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
    name = name or (None if index.name is None else str(index.name))

    from_log = np.exp if log else np.asarray
    values, fitted = from_log(results.model.endog), from_log(np.asarray(results.fittedvalues))
    mean = from_log(np.asarray(ahead.predicted_mean))
    lower, upper = from_log(np.asarray(ahead.conf_int(alpha))).T

    axes = figure.subplots()
    first = max(0, n - max(_SHOWN_AT_LEAST, _SHOWN_PER_STEP * steps))
    times = np.arange(n + steps)
    history, future = times[first:n], times[n:]
    level = f"{100 * (1 - alpha):g} % interval"
    axes.fill_between(future, lower, upper, color=_ORANGE, alpha=0.2, linewidth=0, label=level)
    # A value between two missing ones is a point and no line.
    has_points = len(history) + steps <= _SHOWN_AT_LEAST or np.isnan(values[first:]).any()
    marker = "o" if has_points else None
    style = {"linewidth": 1.5, "marker": marker, "markersize": 3}
    axes.plot(history, fitted[first:], color=_BLUE, linewidth=1.2, label="one-step predictions")
    axes.plot(history, values[first:], color=_BLACK, label=name or "series", **style)
    axes.plot(future, mean, color=_ORANGE, label="forecast", **style | {"linewidth": 2})
    settled = fitted[first:][np.isfinite(fitted[first:])]
    seen = np.concatenate([values[first:][np.isfinite(values[first:])], lower, upper])
    _limit_to(axes, seen, settled)
    axes.set_title(str(results.model.orders), loc="left", fontweight="bold")
    if name:
        axes.set_ylabel(name)
    _label_times(axes, labels, season, first)
    handles, names = axes.get_legend_handles_labels()
    turned = [2, 1, 3, 0]
    figure.legend(
        [handles[i] for i in turned],
        [names[i] for i in turned],
        loc="outside lower center",
        ncols=len(turned),
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
    """Draw what the residuals should not show: a course, another law than the normal, memory.

    Standardised residuals over time, their histogram beside the normal density, their quantiles
    against its quantiles, and their autocorrelations with the band of noise; below these the
    p-value of Ljung and Box.

    Parameters
    ----------
    results : ARIMAResults
    lags : int, optional
        Of the autocorrelations; by default two seasons, or 10 log10(n).
    labels, season
        As of :func:`plot_forecast`; labels for the series alone.

    Returns
    -------
    figure : matplotlib.figure.Figure

    Raises
    ------
    UserError
        If matplotlib is not installed, or there are no more residuals than ``lags``.
    """
    figure = _new_figure((9, 6.5))
    residuals = np.asarray(results.standardized_resid)
    known = residuals[np.isfinite(residuals)]
    if lags is None:
        season = results.model.orders.s
        lags = max(2 * season, int(10 * np.log10(len(known))))
        lags = max(1, min(lags, len(known) // 2))
    lags = positive_count("lags", lags)

    (course, shape), (quantiles, memory) = figure.subplots(2, 2)
    figure.suptitle(f"Residuals of {results.model.orders}", fontweight="bold")
    _plot_course(course, residuals)
    labels = _written(results, results.nobs) if labels is None else labels
    _label_times(course, labels, season or results.model.orders.s or 1, 0, most=5)
    _plot_density(shape, known)
    _plot_quantiles(quantiles, known)
    _plot_memory(memory, known, lags, sum(results.model.orders.n_coefficients))
    for axes in (course, shape, quantiles, memory):
        _finish(axes)
    return figure


def _plot_course(axes: Any, residuals: Array) -> None:
    axes.axhline(0, color=_GREY, linewidth=0.8)
    axes.plot(residuals, color=_BLUE, linewidth=1)
    axes.set_title("over time", loc="left")
    axes.set_ylabel("standard deviations")


def _plot_density(axes: Any, known: Array) -> None:
    """The histogram, a smooth estimate (Silverman's bandwidth), and the normal density."""
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
    axes.set_xlabel("of the normal law")
    axes.set_ylabel("of the residuals")


def _plot_memory(axes: Any, known: Array, lags: int, n_coefficients: int) -> None:
    """Autocorrelations, and what Ljung and Box say of all of them."""
    correlogram = acf(known, lags, band="white")
    at = np.arange(1, lags + 1)
    band = correlogram.band[1]
    axes.axhspan(-band, band, color=_ORANGE, alpha=0.15, linewidth=0)
    axes.axhline(0, color=_GREY, linewidth=0.8)
    axes.vlines(at, 0, correlogram.values[1:], color=_BLUE, linewidth=2)
    axes.plot(at, correlogram.values[1:], "o", color=_BLUE, markersize=3.5)
    reach = 1.25 * max(2 * band, float(np.abs(correlogram.values[1:]).max()))
    axes.set_ylim(-min(reach, 1), min(reach, 1))
    axes.set_xlim(0, lags + 1)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_title("autocorrelations", loc="left")
    p_value = ljung_box(known, lags, n_parameters=n_coefficients).p_value[0]
    told = "" if np.isnan(p_value) else f"; Ljung-Box over all: p = {p_value:.3f}"
    axes.set_xlabel(f"lag{told}")


def _new_figure(size: tuple[float, float]) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError(
            "a picture needs matplotlib; install it with pip install 'scratchgpt-numpy[plots]'"
        ) from error
    return Figure(figsize=size, dpi=160, layout="constrained")


def _written(results: Estimates, n: int) -> list[str]:
    """The first n times: positions, or what a pandas index says, a date without its midnight."""
    index = results.model.index.between(0, n)
    times = range(n) if index is None else index
    return [str(label).removesuffix(" 00:00:00") for label in times]


def _limit_to(axes: Any, seen: Array, settled: Array) -> None:
    """The limits are those of series and interval; predictions may exceed them a little."""
    low, high = float(seen.min()), float(seen.max())
    room = 0.25 * (high - low)
    if settled.size:
        low = max(min(low, float(settled.min())), low - room)
        high = min(max(high, float(settled.max())), high + room)
    axes.set_ylim(low - 0.04 * (high - low), high + 0.04 * (high - low))


def _label_times(
    axes: Any, labels: Sequence[str], season: int, first: int, most: int = _MOST_TICKS
) -> None:
    """Ticks at round years, or where a season begins, written as the labels are."""
    n, phase = len(labels), 0
    if all(label.isdigit() for label in labels):
        season, phase = 1, -int(labels[0])
    spans = (season * step * 10**power for power in range(9) for step in (1, 2, 5))
    apart = next(span for span in spans if (n - first) / span <= most)
    start = first + (phase - first) % apart
    ticks = np.arange(start, n, apart)
    axes.set_xticks(ticks, [labels[i] for i in ticks])


def _finish(axes: Any) -> None:
    axes.grid(color="#e3e3e3", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
