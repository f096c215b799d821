"""How often a series must be differenced before it is stationary, as R's forecast decides it."""

from typing import Any

import numpy as np

from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import is_constant, series_values
from scratchgpt.timeseries.diagnostics.kpss import kpss
from scratchgpt.timeseries.diagnostics.seasonal_strength import seasonal_strength

# Chosen by R's authors so that the forecasts of the M4 competition's series came out best.
STRONG = 0.64


def n_differences(y: Any, *, alpha: float = 0.05, max_d: int = 2) -> int:
    r"""How many differences: until the KPSS test no longer rejects that the level is constant.

    R's ``ndiffs``, with its :math:`\lfloor 3 \sqrt n / 13 \rfloor` lags.

    Parameters
    ----------
    y : array-like (n,)
        Missing values are left out.
    alpha : float
        The level of the test; what the table has is from 0.01 to 0.1.
    max_d : int

    Returns
    -------
    int
    """
    if not 0.01 <= alpha <= 0.1:
        raise UserError(f"alpha={alpha}; the table of the test is from 0.01 to 0.1")
    y = series_values(y, missing=True)
    y = y[~np.isnan(y)]
    d = 0
    while d < max_d and y.size >= 3 and not is_constant(y):
        if kpss(y, lags=int(3 * np.sqrt(y.size) / 13)).p_value >= alpha:
            break
        y = np.diff(y)
        d += 1
    return d


def n_seasonal_differences(y: Any, period: int, *, max_D: int = 1) -> int:
    """How many seasonal differences: while the seasonal strength is above 0.64; R's ``nsdiffs``.

    Parameters
    ----------
    y : array-like (n,)
        NaN is a missing value.
    period : int
    max_D : int

    Returns
    -------
    int
        0 also where the series has no more than two periods.
    """
    y = series_values(y, missing=True)
    D = 0
    while max_D > D and y.size > 2 * period and not is_constant(y):
        if seasonal_strength(y, period) <= STRONG:
            break
        y = y[period:] - y[:-period]
        D += 1
    return D
