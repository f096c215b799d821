r"""Autocorrelations and partial autocorrelations with confidence bands.

Both use autocovariances with the divisor n, not the number of pairs n - k, as in R and in
statsmodels with ``adjusted=False``. Only with the divisor n are they the autocovariances of a
stationary process.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import real_number, whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import series_values

BANDS = ("bartlett", "white")


class Correlogram(NamedTuple):
    """Correlations by lag, with a confidence band."""

    values: Array  # (n_lags + 1,), lag 0 first
    band: Array  # (n_lags + 1,); values outside of -band to band are significant
    n: int  # number of observed values of the series

    @property
    def lower(self) -> Array:
        """The lower end of each confidence interval: the value minus its band."""
        return self.values - self.band

    @property
    def upper(self) -> Array:
        """The upper end of each confidence interval: the value plus its band."""
        return self.values + self.band


def acf(
    y: Any, n_lags: int | None = None, *, alpha: float = 0.05, band: str = "bartlett"
) -> Correlogram:
    r"""Compute the autocorrelations of a series.

    They are :math:`r_k = c_k / c_0` with the autocovariances
    :math:`c_k = \frac1n \sum_t (y_t - \bar y)(y_{t+k} - \bar y)`.

    Parameters
    ----------
    y : array-like (n,)
        The series; NaN marks a missing value. With missing values, :math:`c_k` is the mean over the
        observed pairs, times (pairs) / (pairs + k), as with R's ``na.pass``. For a complete series
        this equals division by n.
    n_lags : int, optional
        The last lag; by default :math:`10 \log_{10} n`, as in R.
    alpha : float
        The band contains a value with probability 1 - alpha if the true correlation is 0.
    band : {"bartlett", "white"}
        ``"bartlett"`` assumes that the correlations are 0 from this lag on:
        :math:`\mathrm{var}(r_k) = (1 + 2 \sum_{i<k} r_i^2) / n` (Bartlett 1946; the band that
        statsmodels plots). ``"white"`` assumes white noise: 1 / n at each lag (the band that R
        plots).

    Returns
    -------
    Correlogram

    Raises
    ------
    UserError
        If there are too few values, they are all equal, or ``n_lags`` is not between 1 and n - 1.
    """
    if band not in BANDS:
        raise UserError(f"band={band!r}; choose one of {', '.join(BANDS)}")
    y = series_values(y, missing=True)
    covariances = autocovariances(y, checked_lags(n_lags, y.size))
    values = covariances / covariances[0]
    n = int(np.isfinite(y).sum())
    variances = np.full(values.size, 1 / n)
    variances[0] = 0  # r_0 is always 1
    if band == "bartlett":
        variances[2:] *= 1 + 2 * np.cumsum(values[1:-1] ** 2)
    return Correlogram(values, _half_width(alpha) * np.sqrt(variances), n)


def pacf(y: Any, n_lags: int | None = None, *, alpha: float = 0.05) -> Correlogram:
    r"""Compute the partial autocorrelations of a series.

    The partial autocorrelation at lag k is the correlation of :math:`y_t` and :math:`y_{t-k}` given
    the values between them. It is the last coefficient of the autoregression of order k that solves
    the Yule-Walker equations, as in R's ``pacf`` and statsmodels' ``pacf(method="ldb")``. The value
    at lag 0 is 1. The band is :math:`z / \sqrt n` (Quenouille 1949).

    Parameters
    ----------
    y, n_lags, alpha
        As in :func:`acf`.

    Returns
    -------
    Correlogram
    """
    y = series_values(y, missing=True)
    covariances = autocovariances(y, checked_lags(n_lags, y.size))
    coefficients, _ = durbin_levinson(covariances)
    n = int(np.isfinite(y).sum())
    band = np.full(covariances.size, _half_width(alpha) / np.sqrt(n))
    band[0] = 0
    return Correlogram(np.append(1.0, np.diag(coefficients)), band, n)


def autocovariances(y: Array, n_lags: int) -> Array:
    """Compute the autocovariances at lags 0 to ``n_lags``, (n_lags + 1,); see :func:`acf`.

    Raises
    ------
    UserError
        If the series is constant.
    """
    known = np.isfinite(y)
    mean = y[known].mean()
    # The mean of 0.1, 0.1, ... is not exactly 0.1, so a constant series leaves rounding errors.
    centered = np.where(known, y - mean, 0.0)
    if np.abs(centered).max() <= 1e-14 * abs(mean):
        raise UserError("y is constant; it has no autocorrelations")
    lags = range(n_lags + 1)
    products = np.array([centered[: y.size - k] @ centered[k:] for k in lags])
    if known.all():
        return products / y.size
    pairs = np.array([np.count_nonzero(known[: y.size - k] & known[k:]) for k in lags])
    if not pairs.all():
        gap = int(np.argmin(pairs))
        raise UserError(
            f"no two observed values of y are {gap} apart; choose n_lags below {gap}, or fill in y"
        )
    return products / (pairs + np.arange(n_lags + 1))


def durbin_levinson(covariances: Array) -> tuple[Array, Array]:
    """Solve the Yule-Walker equations of all orders recursively (Durbin 1960).

    Parameters
    ----------
    covariances : array (p + 1,)

    Returns
    -------
    coefficients : array (p, p)
        Row k - 1 holds the coefficients of order k, then zeros. The diagonal holds the partial
        autocorrelations.
    variances : array (p + 1,)
        Variances of the one-step errors for the orders 0 to p.
    """
    p = covariances.size - 1
    coefficients = np.zeros((p, p))
    variances = np.empty(p + 1)
    variances[0] = covariances[0]
    for k in range(p):
        before = coefficients[k - 1, :k]  # the coefficients of order k
        partial = (covariances[k + 1] - before @ covariances[k:0:-1]) / variances[k]
        coefficients[k, :k] = before - partial * before[::-1]
        coefficients[k, k] = partial
        variances[k + 1] = variances[k] * (1 - partial**2)
    return coefficients, variances


def checked_lags(n_lags: int | None, n: int) -> int:
    """Check the last lag for a series of n values; the default is that of R."""
    if n_lags is None:
        return min(int(10 * np.log10(n)), n - 1)
    number = whole_number(n_lags)
    if number is None or not 1 <= number < n:
        raise UserError(f"n_lags={n_lags!r} for a series of {n} values; choose from 1 to {n - 1}")
    return number


def _half_width(alpha: float) -> float:
    """Return the z such that a standard normal value lies in [-z, z] with probability 1 - alpha."""
    from scipy.special import ndtri

    level = real_number(alpha)
    if level is None or not 0 < level < 1:
        raise UserError(f"alpha={alpha!r} must be between 0 and 1, for example 0.05")
    return float(-ndtri(level / 2))
