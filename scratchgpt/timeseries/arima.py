"""ARIMA: autoregressive integrated moving averages, with seasons and regressors.

Box and Jenkins 1970, "Time series analysis: forecasting and control". What statsmodels' users
know by the same name is found here by the same name.
"""

import copy
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.index import TimeIndex
from scratchgpt.timeseries.data.inputs import (
    column_names,
    endog_values,
    positive_count,
    refuse_constant,
    regressors,
)
from scratchgpt.timeseries.fitting.fitting import METHODS, Fit, fit_model
from scratchgpt.timeseries.fitting.parameters import Layout
from scratchgpt.timeseries.fitting.regression import refuse_redundant_columns
from scratchgpt.timeseries.fitting.trend import trend_columns, trend_names, trend_powers
from scratchgpt.timeseries.likelihood.likelihood import (
    LikelihoodSaved,
    conditional_log_likelihood_backward,
    conditional_log_likelihood_forward,
    log_likelihood_backward,
    log_likelihood_forward,
)
from scratchgpt.timeseries.orders import Orders
from scratchgpt.timeseries.results import ARIMAResults


class ARIMA:
    """A regression whose errors are a seasonal ARIMA process.

    y_t = trend + exog_t beta + u_t, where u, differenced d times and D times at distance s, is an
    ARMA process: (1 - φ(B)) (1 - Φ(B^s)) ∇^d ∇_s^D u_t = (1 + θ(B)) (1 + Θ(B^s)) e_t.

    Parameters
    ----------
    endog : list, array (n,) or pandas Series
        The series; NaN where a value is missing. The index of a pandas object comes back in
        forecasts and predictions.
    exog : list, array (n, k) or pandas DataFrame, optional
        Regressors.
    order : (p, d, q)
    seasonal_order : (P, D, Q, s)
    trend : {"n", "c", "t", "ct", "ctt"}, list of 0 and 1, or None
        None is a constant where no difference is taken and nothing elsewhere. A list says for
        each power of time, from the constant on, whether it is there.
    enforce_stationarity : bool
        Search among stationary autoregressions alone, through their partial autocorrelations.
        False searches the coefficients themselves. The exact likelihood does not exist outside,
        so that only ``method="css"`` can then end there.
    enforce_invertibility : bool
        The same for the moving averages. Those that are not invertible have a likelihood, that
        of an invertible one.

    Raises
    ------
    UserError
        If an argument cannot be used; the message says which and why.

    Examples
    --------
    >>> from scratchgpt.timeseries import ARIMA
    >>> flow = [1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140]
    >>> result = ARIMA(flow, order=(0, 1, 1)).fit()
    >>> result.forecast(2).round()
    array([1133., 1133.])
    """

    def __init__(
        self,
        endog: Any,
        exog: Any = None,
        order: Sequence[int] = (0, 0, 0),
        seasonal_order: Sequence[int] = (0, 0, 0, 0),
        trend: str | Sequence[int] | None = None,
        enforce_stationarity: bool = True,
        enforce_invertibility: bool = True,
    ) -> None:
        self.orders = Orders.of(order, seasonal_order)
        self.powers = trend_powers(trend, self.orders)
        self.trend = trend
        self.enforce_stationarity = enforce_stationarity
        self.enforce_invertibility = enforce_invertibility

        self.endog = endog_values(endog)  # (n,)
        self.index = TimeIndex(endog, self.nobs)
        refuse_constant(self.endog)
        self.exog_names: tuple[str, ...] = ()
        columns = None
        if exog is not None:
            self.index.refuse_another(exog, "exog")
            columns = regressors(exog, self.nobs)  # (n, k)
            self.exog_names = column_names(exog, columns.shape[1])
        self.design = self._design(0, self.nobs, columns)  # (n, k)
        names = (*trend_names(self.powers, self.orders), *self.exog_names)
        self.layout = Layout(self.orders, names)
        self.param_names = self.layout.names
        self._refuse_too_few()
        refuse_redundant_columns(self.design, ~np.isnan(self.endog), names, self.orders)

    @property
    def nobs(self) -> int:
        """Length of the series, missing values included."""
        return len(self.endog)

    @property
    def n_used(self) -> int:
        """Observations that enter the likelihood: those there are, less the diffuse ones."""
        return int(np.count_nonzero(~np.isnan(self.endog))) - self.orders.n_diffuse

    def __repr__(self) -> str:
        return f"<{self.orders} of {self.nobs} observations>"

    def fit(
        self,
        start_params: Any = None,
        method: str = "mle",
        *,
        thorough: bool = True,
        max_iterations: int = 500,
    ) -> ARIMAResults:
        """Estimate the parameters.

        Parameters
        ----------
        start_params : array, optional
            Where the search begins, in the order of ``param_names``; a good place is found if
            it is not given.
        method : {"mle", "css", "css-mle"}
            The maximum of the exact likelihood; the least conditional sum of squares, cheaper
            and rougher; or the exact likelihood from where the sum of squares is least.
        thorough : bool
            Search from several starts where the likelihood is known to have several maxima, and
            take the highest. False searches once, for who fits many models.
        max_iterations : int
            After so many the optimiser gives up, and the result says so.

        Returns
        -------
        results : ARIMAResults

        Raises
        ------
        UserError
            If the start parameters are not stationary (or invertible) although they must be, or
            the data leave nothing to model.

        Warns
        -----
        RuntimeWarning
            If the optimiser did not converge.
        """
        if method not in METHODS:
            raise UserError(f"method={method!r} must be one of {', '.join(map(repr, METHODS))}")
        max_iterations = positive_count("max_iterations", max_iterations)
        start = None
        if start_params is not None:
            start = self.layout.checked(start_params, "start_params")
            if self.enforce_stationarity or method != "css":
                self.layout.require_stationary(start, "start_params")
            if self.enforce_invertibility:
                self.layout.require_invertible(start, "start_params")
        fit = fit_model(
            self.endog,
            self.design,
            self.orders,
            method=method,
            start=start,
            stationary=self.enforce_stationarity,
            invertible=self.enforce_invertibility,
            thorough=thorough,
            max_iterations=max_iterations,
        )
        if not fit.converged:
            warnings.warn(
                f"{self.orders}: the optimiser did not converge: {fit.message}",
                RuntimeWarning,
                stacklevel=2,
            )
        return ARIMAResults(self, fit)

    def filter(self, params: Any) -> ARIMAResults:
        """The results at given parameters, in the order of ``param_names``: nothing is fitted."""
        values = self.layout.checked(params)
        self.layout.require_stationary(values)
        return ARIMAResults(self, Fit(values, "given"))

    def loglike(self, params: Any, *, conditional: bool = False) -> float:
        """The log-likelihood at given parameters, in the order of ``param_names``.

        Parameters
        ----------
        params : array (k,)
        conditional : bool
            That of the conditional sum of squares instead of the exact one.
        """
        values = self._inside(params, conditional)
        return float(self.likelihood_forward(values, conditional)[0])

    def score(self, params: Any, *, conditional: bool = False) -> Array:
        """The gradient of :meth:`loglike`, (k,), by the hand-written backward pass."""
        return self.score_unchecked(self._inside(params, conditional), conditional)

    def likelihood_forward(self, params: Array, conditional: bool) -> tuple[Any, LikelihoodSaved]:
        """The log-likelihood of parameters that are taken as they come."""
        forward = conditional_log_likelihood_forward if conditional else log_likelihood_forward
        return forward(params, self.endog, self.design, self.orders)

    def score_unchecked(self, params: Array, conditional: bool) -> Array:
        """Its gradient: (k,)."""
        backward = conditional_log_likelihood_backward if conditional else log_likelihood_backward
        return backward(1.0, self.likelihood_forward(params, conditional)[1])

    def _inside(self, params: Any, conditional: bool) -> Array:
        values = self.layout.checked(params)
        if not conditional:
            self.layout.require_stationary(values)
        return values

    def extended(self, new_data: Any, exog: Any = None) -> "ARIMA":
        """The same model of the series with new values behind it; see ARIMAResults.append."""
        new = endog_values(new_data, "new_data")
        joined = np.concatenate([self.endog, new])
        design = self.future_design(len(new), exog)
        longer = copy.copy(self)
        longer.endog = joined
        longer.index = self.index.followed_by(new_data, len(new))
        longer.design = np.concatenate([self.design, design])
        return longer

    def future_design(self, steps: int, exog: Any = None) -> Array:
        """Columns of the regression for the ``steps`` times after the last: (steps, k).

        Raises
        ------
        UserError
            If the model has regressors and exog does not give them for each step, or has none
            and exog is given.
        """
        self.index.refuse_other_dates(exog, steps)
        return self.design_at(self.nobs, steps, exog)

    def design_at(self, start: int, n: int, exog: Any = None) -> Array:
        """Columns of the regression for ``n`` times from position ``start`` on: (n, k)."""
        names = self.exog_names
        if not names:
            if exog is not None:
                raise UserError("exog was given, but the model has no regressors")
            return self._design(start, n, None)
        if exog is None and start + n <= self.nobs:
            return self.design[start : start + n]
        if exog is None:
            raise UserError(
                f"the model has regressors ({', '.join(names)}); give exog, their values at the "
                f"{n} time{'s' * (n > 1)} from position {start} on"
            )
        labels = {str(label): label for label in getattr(exog, "columns", ())}
        if set(names) <= set(labels):
            exog = exog[[labels[name] for name in names]]
        rows = "the stretch ahead" if start else "the simulation"
        return self._design(start, n, regressors(exog, n, rows=rows, names=names))

    def _design(self, start: int, n: int, exog: Array | None) -> Array:
        columns = trend_columns(self.powers, start, n)
        return columns if exog is None else np.concatenate([columns, exog], axis=1)

    def _refuse_too_few(self) -> None:
        needed = len(self.param_names)
        if self.n_used <= needed:
            observed = self.n_used + self.orders.n_diffuse
            used_up = f" less {self.orders.n_diffuse} for the differences"
            raise UserError(
                f"{observed} observations{used_up * (self.orders.n_diffuse > 0)} are too few for "
                f"the {needed} parameters of {self.orders}: {', '.join(self.param_names)}"
            )
