"""The Ljung-Box test for autocorrelation in residuals."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import plain, whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import series_values
from scratchgpt.timeseries.diagnostics.correlation import autocovariances


class LjungBox(NamedTuple):
    """The results of the test for one or more numbers of lags."""

    lags: Array  # (k,), int
    statistic: Array  # (k,)
    p_value: Array  # (k,); NaN if no degree of freedom is left


def ljung_box(
    residuals: Any, lags: int | Iterable[int] | None = None, *, n_parameters: int = 0
) -> LjungBox:
    r"""Test whether the first autocorrelations are all 0 (Ljung and Box 1978, Biometrika 65).

    If they are 0, the statistic

    .. math:: Q_h = n (n + 2) \sum_{k=1}^{h} \frac{r_k^2}{n - k}

    has a :math:`\chi^2` distribution with h - ``n_parameters`` degrees of freedom.

    Parameters
    ----------
    residuals : array-like (n,)
        NaN marks a missing value; n counts the observed values.
    lags : int or ints, optional
        One or several values of h; by default 10, or a fifth of n if that is less.
    n_parameters : int
        Number of autoregressive and moving average parameters of the model.

    Returns
    -------
    LjungBox

    Raises
    ------
    UserError
        If there are too few residuals, they are all equal, or a lag is not between 1 and n - 1.
    """
    from scipy.special import chdtrc

    residuals = series_values(residuals, "residuals", missing=True)
    observed = int(np.isfinite(residuals).sum())
    if lags is None:
        lags = max(min(10, observed // 5), 1)
    lags = plain(lags)
    numbers = [whole_number(each) for each in (lags if isinstance(lags, Iterable) else [lags])]
    if not numbers or not all(each is not None and 1 <= each < observed for each in numbers):
        raise UserError(f"lags={lags} for {observed} residuals; choose from 1 to {observed - 1}")
    used_up = whole_number(n_parameters)
    if used_up is None or used_up < 0:
        raise UserError(f"n_parameters={n_parameters} must be at least 0, and an integer")
    several = np.array(numbers, dtype=np.int64)
    last = int(several.max())
    covariances = autocovariances(residuals, last)
    squares = (covariances[1:] / covariances[0]) ** 2 / (observed - np.arange(1, last + 1))
    statistic = observed * (observed + 2) * np.cumsum(squares)[several - 1]
    freedom = (several - used_up).astype(np.float64)
    p_value = np.where(freedom > 0, chdtrc(np.maximum(freedom, 1), statistic), np.nan)
    return LjungBox(several, statistic, p_value)
