"""The number of differences that make a series stationary, as in R's package forecast."""

from typing import Any

import numpy as np

from scratchgpt.arguments import check_whole, real_number
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import is_constant, series_values
from scratchgpt.timeseries.diagnostics.kpss import kpss
from scratchgpt.timeseries.diagnostics.seasonal_strength import seasonal_strength

# The authors of R's package chose the value that gave the best forecasts in the M4 competition.
STRONG_SEASON = 0.64


def n_differences(y: Any, *, alpha: float = 0.05, max_d: int = 2) -> int:
    r"""Choose the number of differences: difference until the KPSS test does not reject.

    The hypothesis of the KPSS test is that the level is constant. The method is that of R's
    ``ndiffs``, with its :math:`\lfloor 3 \sqrt n / 13 \rfloor` lags.

    Parameters
    ----------
    y : array-like (n,)
        The series; missing values are dropped.
    alpha : float
        The significance level of the test; its table covers 0.01 to 0.1.
    max_d : int

    Returns
    -------
    int
    """
    max_d, level = check_whole("max_d", max_d, least=0), real_number(alpha)
    if level is None or not 0.01 <= level <= 0.1:
        raise UserError(f"alpha={alpha!r} must be from 0.01 to 0.1, the range of the test's table")
    y = series_values(y, missing=True)
    y = y[~np.isnan(y)]
    d = 0
    while d < max_d and y.size >= 3 and not is_constant(y):
        if kpss(y, lags=int(3 * np.sqrt(y.size) / 13)).p_value >= level:
            break
        y = np.diff(y)
        d += 1
    return d


def n_seasonal_differences(y: Any, period: int, *, max_D: int = 1) -> int:
    """Choose the number of seasonal differences: difference while the strength is above 0.64.

    The method is that of R's ``nsdiffs``.

    Parameters
    ----------
    y : array-like (n,)
        The series; NaN marks a missing value.
    period : int
    max_D : int

    Returns
    -------
    int
        0 if the series is not longer than two periods.
    """
    period, max_D = check_whole("period", period, least=1), check_whole("max_D", max_D, least=0)
    y = series_values(y, missing=True)
    D = 0
    while max_D > D and y.size > 2 * period and not is_constant(y):
        if seasonal_strength(y, period) <= STRONG_SEASON:
            break
        y = y[period:] - y[:-period]
        D += 1
    return D
