"""The seasonal strength of a series, which decides whether it needs a seasonal difference."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.data.series_values import interpolated, series_values
from scratchgpt.timeseries.diagnostics.stl import stl


def seasonal_strength(y: Any, period: int) -> float:
    r"""Measure the strength of the season of a detrended series, from 0 to 1.

    .. math:: F = \max\left(0,\; 1 - \frac{\mathrm{var}(R)}{\mathrm{var}(S + R)}\right)

    where S is the season and R the remainder of :func:`~scratchgpt.timeseries.stl` (Wang, Smith and
    Hyndman 2006, Data Mining and Knowledge Discovery 13, 335-364). For a complete series, the
    result equals that of R's package forecast.

    Parameters
    ----------
    y : array-like (n,)
        More than two periods. Missing values are filled in for the decomposition and excluded from
        the variances.
    period : int

    Returns
    -------
    float
    """
    y = series_values(y, missing=True)
    known = ~np.isnan(y)
    parts = stl(y if known.all() else fill_in(y, period), period)
    remainder = parts.remainder[known]
    both = (parts.seasonal + parts.remainder)[known]
    if both.var() == 0:
        return 0.0
    return float(np.clip(1 - remainder.var() / both.var(), 0, 1))


def fill_in(y: Array, period: int) -> Array:
    """Fill in missing values by linear interpolation of the seasonally adjusted series.

    R's ``na.interp`` does the same with a robust decomposition.
    """
    known = ~np.isnan(y)
    filled = interpolated(y)
    if period > 1 and y.size > 2 * period:
        for _ in range(2):  # the first estimate of the season suffers from the gaps
            season = stl(filled, period).seasonal
            filled = np.where(known, y, interpolated(y - season) + season)
    return filled
