"""Autoregressions by Yule and Walker, by Burg, and by least squares: no likelihood, no iteration.

ARIMA fits them by maximum likelihood; these are the three classical ways, exact and quick.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.timeseries.ar_estimates import Estimate, burg, least_squares, yule_walker
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
    bse: Array  # (p,), their asymptotic standard errors
    mean: float  # mu
    sigma2: float  # the variance of e
    method: str
    aicc: Array  # (orders tried,), by order from 0; NaN for those that were not
    endog: Array  # (n,)

    @property
    def resid(self) -> Array:
        """The errors of prediction one step ahead (n,); NaN for the first p."""
        p, centred = self.order, self.endog - self.mean
        resid = centred.copy()
        for i, phi in enumerate(self.ar, start=1):
            resid[p:] -= phi * centred[p - i : centred.size - i]
        resid[:p] = np.nan
        return resid

    def forecast(self, steps: int = 1) -> Array:
        """The expected values of the next steps, (steps,)."""
        _check_steps(steps)
        values = np.append(self.endog - self.mean, np.zeros(steps))
        n, p = self.endog.size, self.order
        for t in range(n, n + steps):
            values[t] = self.ar[::-1] @ values[t - p : t]
        return values[n:] + self.mean

    def forecast_se(self, steps: int = 1) -> Array:
        """The standard deviations of the errors of :meth:`forecast`, as if phi were known."""
        _check_steps(steps)
        psi = np.zeros(self.order + steps)  # what an error still matters so many steps later
        psi[self.order] = 1
        for t in range(self.order + 1, psi.size):
            psi[t] = self.ar[::-1] @ psi[t - self.order : t]
        return np.sqrt(self.sigma2 * np.cumsum(psi[self.order :] ** 2))


class AR:
    """An autoregression of a series.

    Parameters
    ----------
    endog : array-like (n,)
        No missing values; ARIMA takes them.
    order : int, optional
        p. By default it is chosen by the least AICc among 0 to ``max_order``.
    max_order : int, optional
        By default R's, the least of n - 1, 10 log10(n); and of n / 2 - 2, which least squares need.

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
            if value is not None and not 0 <= value <= most:
                raise UserError(f"{name}={value} for {n} observations; choose from 0 to {most}")
        self.order = order
        self.max_order = max_order

    def fit(self, method: str = "yule-walker") -> ARResults:
        r"""Estimate the coefficients.

        AICc is :math:`n \log \hat\sigma_k^2 + 2m + 2m(m+1)/(n-m-1)` with m = k + 2 parameters
        (the mean and the variance too); for least squares over the observations that all orders
        can predict, and n counts these.

        Parameters
        ----------
        method : {"yule-walker", "burg", "least-squares"}
            ``"yule-walker"`` always gives a stationary model, biased towards 0 where it is nearly
            not; ``"burg"`` always gives a stationary one and is less biased; ``"least-squares"``
            is the regression on the past, and may give any.

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
    return float(n * np.log(estimate.sigma2) + 2 * m + 2 * m * (m + 1) / (n - m - 1))


def _check_steps(steps: int) -> None:
    if steps < 1:
        raise UserError(f"steps={steps}; forecast at least 1")
