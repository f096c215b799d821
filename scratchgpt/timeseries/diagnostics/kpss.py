"""The KPSS test for stationarity around a constant or a line."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import is_constant, series_values

# Critical values from table 1 of the paper, for upper tail probabilities from 10 % to 1 %.
LEVELS = (0.10, 0.05, 0.025, 0.01)
CRITICAL = {"c": (0.347, 0.463, 0.574, 0.739), "ct": (0.119, 0.146, 0.176, 0.216)}


class KPSS(NamedTuple):
    """The result of the test. A small p-value suggests a unit root: difference the series."""

    statistic: float
    p_value: float  # interpolated in the table; 0.01 means at most 0.01, 0.10 at least 0.10
    lags: int
    critical_values: dict[float, float]  # by level


def kpss(y: Any, trend: str = "c", lags: int | str = "auto") -> KPSS:
    r"""Test the hypothesis that a series is stationary, against a unit root.

    The statistic is

    .. math:: \frac{1}{n^2 \hat\sigma^2} \sum_t S_t^2, \quad S_t = \sum_{i \le t} e_i

    where e are the residuals from a mean or a line, and :math:`\hat\sigma^2` is their long-run
    variance with Bartlett weights (Newey and West 1987). The test is by Kwiatkowski, Phillips,
    Schmidt and Shin 1992, Journal of Econometrics 54, 159-178.

    Parameters
    ----------
    y : array-like (n,)
        The series, without missing values.
    trend : {"c", "ct"}
        Whether to test stationarity around a constant, or around a constant and a line in time.
    lags : int, "auto", "short" or "long"
        Number of autocovariances in the long-run variance. ``"auto"`` chooses it from the data
        (Hobijn, Franses and Ooms 2004; the default of statsmodels). ``"short"`` is
        :math:`\lfloor 4 (n/100)^{1/4} \rfloor`, and ``"long"`` has 12 instead of 4 (R's urca and
        tseries).

    Returns
    -------
    KPSS

    Raises
    ------
    UserError
        If the series is constant or a line, or ``lags`` is invalid or not below n.
    """
    if trend not in CRITICAL:
        raise UserError(f"trend={trend!r}; choose 'c' (a constant) or 'ct' (a constant and a line)")
    y = series_values(y, at_least=3)
    if is_constant(y):
        raise UserError("y is constant; there is nothing to test")
    n = y.size
    residuals = y - y.mean()
    if trend == "ct":
        time = np.arange(n) - (n - 1) / 2
        residuals = residuals - time * (time @ residuals) / (time @ time)
        if np.abs(residuals).max() <= 1e-12 * np.abs(y).max():
            raise UserError("y is an exact line; there is nothing to test")
    used = _n_lags(lags, residuals)
    statistic = float(np.sum(np.cumsum(residuals) ** 2) / n**2 / _long_run(residuals, used))
    critical = CRITICAL[trend]
    return KPSS(
        statistic,
        float(np.interp(statistic, critical, LEVELS)),
        used,
        dict(zip(LEVELS, critical, strict=True)),
    )


def _long_run(residuals: Array, lags: int) -> float:
    """Compute the long-run variance with Bartlett weights."""
    total = residuals @ residuals
    for k in range(1, lags + 1):
        total += 2 * (1 - k / (lags + 1)) * (residuals[k:] @ residuals[:-k])
    return float(total / residuals.size)


def _n_lags(lags: int | str, residuals: Array) -> int:
    n = residuals.size
    number = whole_number(lags)
    if number is not None and 0 <= number < n:
        return number
    if lags in ("short", "long"):
        return min(int((4 if lags == "short" else 12) * (n / 100) ** 0.25), n - 1)
    if lags == "auto":
        covariances = [residuals[k:] @ residuals[: n - k] for k in range(int(n ** (2 / 9)) + 1)]
        s_0 = covariances[0] + 2 * sum(covariances[1:])
        s_1 = 2 * sum(k * covariance for k, covariance in enumerate(covariances))
        gamma = 1.1447 * np.cbrt((s_1 / s_0) ** 2)
        return min(int(gamma * np.cbrt(n)), n - 1)
    raise UserError(
        f"lags={lags!r} for {n} values; choose 'auto', 'short', 'long' or from 0 to {n - 1}"
    )
