"""STL: decomposition of a series into trend, season and remainder by local regression.

Cleveland, Cleveland, McRae and Terpenning 1990, Journal of Official Statistics 6(1), 3-73. This is
the non-robust variant: outliers are not downweighted.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import series_values

N_PASSES = 2  # passes of the inner loop, which alternates between season and trend


class Decomposition(NamedTuple):
    """The components of a series; their sum is the series."""

    trend: Array  # (n,)
    seasonal: Array  # (n,)
    remainder: Array  # (n,)


def stl(y: Any, period: int, window: int = 11) -> Decomposition:
    """Decompose a series as R's ``stl(y, s.window=window)`` does.

    Parameters
    ----------
    y : array-like (n,)
        The series, without missing values and longer than two periods.
    period : int
        Observations per season, for example 12 for months.
    window : int
        Number of seasons that the seasonal smoother averages over, an odd number. The larger it is,
        the less the seasonal pattern changes over time.

    Returns
    -------
    Decomposition

    Raises
    ------
    UserError
        If the series is too short, or the window is even or below 3.
    """
    length, smoother = whole_number(period), whole_number(window)
    if length is None or length < 2:
        raise UserError(f"period={period!r}; a season has at least 2 observations")
    if smoother is None or smoother < 3 or smoother % 2 == 0:
        raise UserError(f"window={window!r} must be odd and at least 3")
    period, window = length, smoother
    y = series_values(y)
    if y.size <= 2 * period:
        raise UserError(
            f"y has {y.size} values; with period={period} more than {2 * period} are needed"
        )
    low_pass = _next_odd(period)
    smooth = _next_odd(np.ceil(1.5 * period / (1 - 1.5 / window)))
    trend = np.zeros(y.size)
    seasonal = np.zeros(y.size)
    for _ in range(N_PASSES):
        cycles = _smooth_cycles(y - trend, period, window)  # (n + 2 period,)
        drift = _mean_of(3, _mean_of(period, _mean_of(period, cycles)))
        seasonal = cycles[period:-period] - _loess(drift, low_pass, degree=1)
        trend = _loess(y - seasonal, smooth, degree=1)
    return Decomposition(trend, seasonal, y - trend - seasonal)


def _next_odd(x: float) -> int:
    return int(x) + (int(x) % 2 == 0)


def _mean_of(k: int, x: Array) -> Array:
    """Compute moving averages of k consecutive values, (n - k + 1,)."""
    return np.lib.stride_tricks.sliding_window_view(x, k).mean(-1)


def _smooth_cycles(y: Array, period: int, window: int) -> Array:
    """Smooth each cycle-subseries, such as all Januaries, and add one period at each end."""
    smoothed = np.empty(y.size + 2 * period)
    n_long = y.size % period  # number of months that occur once more than the others
    for first, last in ((0, n_long), (n_long, period)):
        if last > first:
            cycles = np.stack([y[i::period] for i in range(first, last)], axis=1)
            longer = _loess(cycles, window, degree=0, beyond=1)  # (years + 2, months)
            for i in range(first, last):
                smoothed[i::period] = longer[:, i - first]
    return smoothed


def _loess(y: Array, window: int, degree: int, beyond: int = 0) -> Array:
    """Smooth by local regression, evaluated at every tenth of a window and interpolated linearly.

    Parameters
    ----------
    y : array (n, ...)
    window : int
        Number of neighbors in each local regression.
    degree : {0, 1}
        Degree of the local polynomial: a mean or a line.
    beyond : {0, 1}
        Whether to extrapolate by one step on each side.

    Returns
    -------
    array (n + 2 beyond, ...)
    """
    n = y.shape[0]
    jump = min(-(-window // 10), n - 1)
    half = (window + 1) // 2
    size = min(window, n)
    points = np.arange(0, n, jump)
    lefts = np.clip(points - half + 1, 0, n - size)
    if points[-1] != n - 1:  # the last point uses the neighbors of the point before
        points, lefts = np.append(points, n - 1), np.append(lefts, lefts[-1])
    places, firsts = points, lefts
    if beyond:
        places = np.concatenate([[-1], points, [n]])
        firsts = np.concatenate([[0], lefts, [n - size]])
    neighbors = firsts[:, None] + np.arange(size)  # (points, size)
    weights = _weights(places, neighbors, window, n, degree)
    fitted = np.einsum("ps,ps...->p...", weights, y[neighbors])
    inner = fitted[beyond : len(fitted) - beyond]
    if jump > 1:
        inner = _join(points, inner, n)
    return np.concatenate([fitted[:1], inner, fitted[-1:]]) if beyond else inner


def _weights(places: Array, neighbors: Array, window: int, n: int, degree: int) -> Array:
    """Compute the weight of each neighbor in the fitted value at each place, (places, size)."""
    distance = np.abs(neighbors - places[:, None])
    reach = np.maximum(places - neighbors[:, 0], neighbors[:, -1] - places).astype(float)
    reach += max(window - n, 0) // 2
    reach = np.maximum(reach, 1e-300)[:, None]  # a single neighbor is at distance 0
    weights = np.clip(1 - (distance / reach) ** 3, 0, None) ** 3
    weights[distance <= 0.001 * reach] = 1
    weights[distance > 0.999 * reach] = 0
    weights /= weights.sum(1, keepdims=True)
    if degree == 1:
        center = (weights * neighbors).sum(1, keepdims=True)
        away = neighbors - center
        spread = (weights * away**2).sum(1, keepdims=True)
        # If the weighted neighbors nearly coincide, use their mean instead of a line.
        slope = np.divide(
            places[:, None] - center,
            spread,
            out=np.zeros_like(spread),
            where=np.sqrt(spread) > 0.001 * (n - 1),
        )
        weights *= 1 + slope * away
    return weights


def _join(points: Array, values: Array, n: int) -> Array:
    """Interpolate linearly between the points, (n, ...)."""
    x = np.arange(n)
    right = np.clip(np.searchsorted(points, x, side="left"), 1, None)
    left = right - 1
    share = (x - points[left]) / (points[right] - points[left])
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return values[left] + share * (values[right] - values[left])
