"""Autoregressive models fitted by Yule-Walker, Burg or least squares.

These three classical estimators are exact and fast: they need no likelihood and no iteration.
:class:`~scratchgpt.timeseries.ARIMA` fits the same models by maximum likelihood.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.timeseries.ar_estimates import Estimate, burg, least_squares, yule_walker
from scratchgpt.timeseries.data.inputs import positive_count
from scratchgpt.timeseries.data.series_values import is_constant, series_values

METHODS: dict[str, Callable[[Array, int], list[Estimate]]] = {
    "yule-walker": yule_walker,
    "burg": burg,
    "least-squares": least_squares,
}


class ARResults(NamedTuple):
    r"""A fitted autoregression, :math:`y_t - \mu = \sum_i \phi_i (y_{t-i} - \mu) + e_t`."""

    order: int
    ar: Array  # (p,), phi
    bse: Array  # (p,), asymptotic standard errors of ``ar``
    mean: float  # mu
    sigma2: float  # the variance of e
    method: str
    aicc: Array  # (highest order + 1,), AICc by order from 0; NaN for orders that were not tried
    endog: Array  # (n,)

    @property
    def resid(self) -> Array:
        """The one-step prediction errors (n,); NaN for the first p."""
        p, centered = self.order, self.endog - self.mean
        resid = centered.copy()
        for i, phi in enumerate(self.ar, start=1):
            resid[p:] -= phi * centered[p - i : centered.size - i]
        resid[:p] = np.nan
        return resid

    def forecast(self, steps: int = 1) -> Array:
        """Forecast the next ``steps`` values: their expected values, (steps,)."""
        steps = positive_count("steps", steps)
        values = np.append(self.endog - self.mean, np.zeros(steps))
        n, p = self.endog.size, self.order
        for t in range(n, n + steps):
            values[t] = self.ar[::-1] @ values[t - p : t]
        return values[n:] + self.mean

    def forecast_se(self, steps: int = 1) -> Array:
        """Compute the standard errors of :meth:`forecast`, (steps,), treating phi as known."""
        steps = positive_count("steps", steps)
        psi = np.zeros(self.order + steps)  # the weight of an error after 0, 1, ... steps
        psi[self.order] = 1
        for t in range(self.order + 1, psi.size):
            psi[t] = self.ar[::-1] @ psi[t - self.order : t]
        return np.sqrt(self.sigma2 * np.cumsum(psi[self.order :] ** 2))


class AR:
    """An autoregressive model of a series.

    Parameters
    ----------
    endog : array-like (n,)
        The series, without missing values. Use ARIMA for a series with missing values.
    order : int, optional
        The number of lags p. By default, the order from 0 to ``max_order`` with the lowest AICc.
    max_order : int, optional
        The highest order to try. The default is that of R, the smaller of n - 1 and 10 log10(n),
        but at most n / 2 - 2, which is the most that least squares can fit.

    Examples
    --------
    >>> from scratchgpt.timeseries import AR, load_example
    >>> AR(load_example("lynx").values, order=2).fit("burg").ar.round(4)
    array([ 1.1508, -0.6046])
    """

    def __init__(self, endog: Any, order: int | None = None, *, max_order: int | None = None):
        self.endog = series_values(endog, "endog", at_least=3)
        if is_constant(self.endog):
            raise UserError("endog is constant; there is nothing to model")
        n = self.endog.size
        most = max(n // 2 - 2, 0)
        if max_order is None:
            max_order = min(int(10 * np.log10(n)), most)
        for name, value in (("order", order), ("max_order", max_order)):
            number = whole_number(value)
            if value is not None and (number is None or not 0 <= number <= most):
                raise UserError(f"{name}={value!r} for {n} observations; choose from 0 to {most}")
        self.order = whole_number(order)
        self.max_order = int(max_order)

    def fit(self, method: str = "yule-walker") -> ARResults:
        r"""Estimate the coefficients.

        AICc is :math:`n \log \hat\sigma_k^2 + 2m + 2m(m+1)/(n-m-1)` with m = k + 2 parameters,
        which include the mean and the variance, and infinite if n is at most m + 1. For least
        squares, n counts only the observations that every order can predict, and all orders are
        compared on those.

        Parameters
        ----------
        method : {"yule-walker", "burg", "least-squares"}
            ``"yule-walker"`` always gives a stationary model. Its coefficients are biased towards
            0 if the process is close to non-stationary. ``"burg"`` also always gives a stationary
            model, with less bias. ``"least-squares"`` regresses the series on its past; the model
            may be non-stationary.

        Returns
        -------
        ARResults
        """
        if method not in METHODS:
            raise UserError(
                f"method={method!r}{did_you_mean(method, METHODS)}; choose one of "
                + ", ".join(METHODS)
            )
        estimate = METHODS[method]
        if self.order is None:
            tried = estimate(self.endog, self.max_order)
            used = self.endog.size - (self.max_order if method == "least-squares" else 0)
            aicc = np.array([_aicc(each, used) for each in tried])
            order = int(np.argmin(aicc))
        else:
            order, aicc = self.order, np.full(self.order + 1, np.nan)
        best = estimate(self.endog, order)[-1]
        return ARResults(order, *best, method=method, aicc=aicc, endog=self.endog)


def _aicc(estimate: Estimate, n: int) -> float:
    m = estimate.ar.size + 2
    if n <= m + 1:
        return np.inf
    if estimate.sigma2 <= 0:  # the past predicts the series exactly
        return -np.inf
    return float(n * np.log(estimate.sigma2) + 2 * m + 2 * m * (m + 1) / (n - m - 1))
