r"""How a series goes with its own past: autocorrelations, plain and partial, with their bands.

Both rest on the autocovariances divided by n and not by the n - k pairs there are, as in R and in
statsmodels with ``adjusted=False``: only so they are those of a stationary process.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import series_values

BANDS = ("bartlett", "white")


class Correlogram(NamedTuple):
    """Correlations by lag, and how large they would be by chance alone."""

    values: Array  # (n_lags + 1,), lag 0 first
    band: Array  # (n_lags + 1,); beyond -band to band a value says something
    n: int  # observed values of the series

    @property
    def lower(self) -> Array:
        """The lower end of each value's confidence interval: the value less its band."""
        return self.values - self.band

    @property
    def upper(self) -> Array:
        """The upper end of each value's confidence interval: the value and its band."""
        return self.values + self.band


def acf(
    y: Any, n_lags: int | None = None, *, alpha: float = 0.05, band: str = "bartlett"
) -> Correlogram:
    r"""Autocorrelations :math:`r_k = c_k / c_0`, with
    :math:`c_k = \frac1n \sum_t (y_t - \bar y)(y_{t+k} - \bar y)`.

    Parameters
    ----------
    y : array-like (n,)
        NaN is a missing value; then :math:`c_k` is the mean over the pairs that are there, times
        (pairs) / (pairs + k), as R's ``na.pass``: for a complete series that is division by n.
    n_lags : int, optional
        The last lag; R's default is :math:`10 \log_{10} n`.
    alpha : float
        The band covers what has the probability 1 - alpha if the true value is 0.
    band : {"bartlett", "white"}
        ``"bartlett"``: if all from this lag on are 0, :math:`\mathrm{var}(r_k) = (1 + 2
        \sum_{i<k} r_i^2) / n` (Bartlett 1946; what statsmodels draws). ``"white"``: if the series
        is noise, 1 / n at each lag (what R draws).

    Returns
    -------
    Correlogram

    Raises
    ------
    UserError
        If there are too few values, they are all equal, or ``n_lags`` is not from 1 to n - 1.
    """
    if band not in BANDS:
        raise UserError(f"band={band!r}; choose one of {', '.join(BANDS)}")
    y = series_values(y, missing=True)
    covariances = autocovariances(y, checked_lags(n_lags, y.size))
    values = covariances / covariances[0]
    n = int(np.isfinite(y).sum())
    variances = np.full(values.size, 1 / n)
    variances[0] = 0  # r_0 is 1, always
    if band == "bartlett":
        variances[2:] *= 1 + 2 * np.cumsum(values[1:-1] ** 2)
    return Correlogram(values, _half_width(alpha) * np.sqrt(variances), n)


def pacf(y: Any, n_lags: int | None = None, *, alpha: float = 0.05) -> Correlogram:
    r"""Partial autocorrelations: of :math:`y_t` and :math:`y_{t-k}`, given those between them.

    The last coefficient of the autoregression of order k that solves the Yule-Walker equations:
    R's ``pacf``, statsmodels' ``pacf(method="ldb")``. The one at lag 0 is 1, the band
    :math:`z / \sqrt n` (Quenouille 1949).

    Parameters
    ----------
    y, n_lags, alpha
        As of :func:`acf`.

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
    """Autocovariances about the mean at the lags 0 to ``n_lags``, (n_lags + 1,); see :func:`acf`.

    Raises
    ------
    UserError
        If the series is constant.
    """
    known = np.isfinite(y)
    mean = y[known].mean()
    # Of 0.1, 0.1, ... the mean is not 0.1 to the last bit, and what is left is not a series.
    centred = np.where(known, y - mean, 0.0)
    if np.abs(centred).max() <= 1e-14 * abs(mean):
        raise UserError("y is constant; it has no autocorrelations")
    lags = range(n_lags + 1)
    products = np.array([centred[: y.size - k] @ centred[k:] for k in lags])
    if known.all():
        return products / y.size
    pairs = np.array([np.count_nonzero(known[: y.size - k] & known[k:]) for k in lags])
    if not pairs.all():
        gap = int(np.argmin(pairs))
        raise UserError(f"no two values of y are {gap} apart, the others are missing; ask for less")
    return products / (pairs + np.arange(n_lags + 1))


def durbin_levinson(covariances: Array) -> tuple[Array, Array]:
    """The Yule-Walker equations of each order, solved from the one before (Durbin 1960).

    Parameters
    ----------
    covariances : array (p + 1,)

    Returns
    -------
    coefficients : array (p, p)
        In row k - 1 the autoregression of order k, then zeros; on the diagonal the partial
        autocorrelations.
    variances : array (p + 1,)
        Of the one-step errors of the orders 0 to p.
    """
    p = covariances.size - 1
    coefficients = np.zeros((p, p))
    variances = np.empty(p + 1)
    variances[0] = covariances[0]
    for k in range(p):
        before = coefficients[k - 1, :k]  # of order k
        partial = (covariances[k + 1] - before @ covariances[k:0:-1]) / variances[k]
        coefficients[k, :k] = before - partial * before[::-1]
        coefficients[k, k] = partial
        variances[k + 1] = variances[k] * (1 - partial**2)
    return coefficients, variances


def checked_lags(n_lags: int | None, n: int) -> int:
    """The last lag for a series of n values; R's default where none is given."""
    if n_lags is None:
        return min(int(10 * np.log10(n)), n - 1)
    if not 1 <= n_lags < n:
        raise UserError(f"n_lags={n_lags} of a series of {n} values; choose from 1 to {n - 1}")
    return int(n_lags)


def _half_width(alpha: float) -> float:
    """Standard deviations to each side that leave ``alpha`` outside."""
    from scipy.special import ndtri

    if not 0 < alpha < 1:
        raise UserError(f"alpha={alpha} must be between 0 and 1, for instance 0.05")
    return float(-ndtri(alpha / 2))
