"""The specification of an ARIMA model without parameter values: series, orders and regression."""

import copy
import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.index import TimeIndex
from scratchgpt.timeseries.data.inputs import (
    as_row,
    column_names,
    endog_values,
    given_names,
    positive_count,
    refuse_constant,
    regressors,
)
from scratchgpt.timeseries.fitting.fitting import METHODS, Fit, fit_model
from scratchgpt.timeseries.fitting.parameters import Layout
from scratchgpt.timeseries.fitting.regression import refuse_redundant_columns
from scratchgpt.timeseries.fitting.trend import trend_columns, trend_names, trend_powers
from scratchgpt.timeseries.likelihood.diffuse import difference_coefficients, diffuse_steps
from scratchgpt.timeseries.likelihood.likelihood import (
    LikelihoodSaved,
    conditional_log_likelihood_backward,
    conditional_log_likelihood_forward,
    log_likelihood_backward,
    log_likelihood_forward,
)
from scratchgpt.timeseries.orders import Orders


class ARIMASpecification:
    """The base class of :class:`ARIMA`, with the parameters of ARIMA; results depend only on it."""

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
        self.orders.refuse_long(self.nobs)
        self.exog_names: tuple[str, ...] = ()
        self._has_names = given_names(exog) is not None
        self._times = self.index  # the labels by which regressors are found
        columns = None
        if exog is not None:
            self.index.refuse_other_index(exog, "exog")
            columns = regressors(exog, self.nobs)  # (n, k)
            self.exog_names = column_names(exog, columns.shape[1])
            if self.index.index is None:
                self._times = TimeIndex(exog, self.nobs, "exog")
        self.design = self._design(0, self.nobs, columns)  # (n, k)
        trends = trend_names(self.powers, self.orders)
        self.layout = Layout.of(self.orders, trends, self.exog_names)
        self.param_names = self.layout.names
        self._refuse_too_few()
        refuse_redundant_columns(self.design, ~np.isnan(self.endog), self.param_names, self.orders)

    @property
    def nobs(self) -> int:
        """Length of the series, missing values included."""
        return len(self.endog)

    @property
    def n_used(self) -> int:
        """Number of observations in the likelihood: the observed values minus the diffuse ones."""
        return self._n_observed - self._n_diffuse

    @property
    def _n_observed(self) -> int:
        return int(np.count_nonzero(~np.isnan(self.endog)))

    @property
    def _n_diffuse(self) -> int:
        """Number of observations that determine starting values of the differences."""
        o, observed = self.orders, ~np.isnan(self.endog)
        if observed.all():
            return o.n_diffuse
        delta = difference_coefficients(o.d, o.D, max(o.s, 1))
        return len(diffuse_steps(observed, delta).gains)

    def __repr__(self) -> str:
        return f"<{self.orders} of {self.nobs} observations>"

    def estimate(
        self, start_params: Any, method: str, *, thorough: bool = True, max_iterations: int = 500
    ) -> Fit:
        """Estimate the parameters; arguments, errors and warnings as in :meth:`ARIMA.fit`."""
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
                f"{self.orders}: the optimizer did not converge: {fit.message}",
                RuntimeWarning,
                stacklevel=3,
            )
        return fit

    def likelihood_forward(self, params: Array, conditional: bool) -> tuple[Any, LikelihoodSaved]:
        """Compute the log-likelihood without checking the parameters."""
        forward = conditional_log_likelihood_forward if conditional else log_likelihood_forward
        return forward(params, self.endog, self.design, self.orders)

    def score_unchecked(self, params: Array, conditional: bool) -> Array:
        """Compute the gradient of the log-likelihood without checking the parameters: (k,)."""
        backward = conditional_log_likelihood_backward if conditional else log_likelihood_backward
        return backward(1.0, self.likelihood_forward(params, conditional)[1])

    def extended(self, new_data: Any, exog: Any = None) -> Self:
        """Return the same model for the series extended by new values; see ARIMAResults.append."""
        new = endog_values(new_data, "new_data", all_missing=True)
        longer = copy.copy(self)
        longer.index = longer._times = self.index.followed_by(new_data, len(new))
        if self.index.index is None:
            exog = self._aligned(exog, self.nobs, len(new))
            longer._times = self._times.followed_by(exog, len(new), "exog")
        design = longer.design_at(self.nobs, len(new), exog)
        longer.endog = np.concatenate([self.endog, new])
        longer.design = np.concatenate([self.design, design])
        return longer

    def future_design(self, steps: int, exog: Any = None) -> Array:
        """Return the columns of the regression for ``steps`` times after the series: (steps, k).

        Raises
        ------
        UserError
            If the model has regressors and exog does not give them for each step, or if exog is
            given and the model has no regressors.
        """
        return self.design_at(self.nobs, steps, exog)

    def design_at(self, start: int, n: int, exog: Any = None) -> Array:
        """Return the columns of the regression for ``n`` times from position ``start``: (n, k)."""
        names = self.exog_names
        if not names:
            if exog is not None:
                raise UserError("exog was given, but the model has no regressors; leave it out")
            return self._design(start, n, None)
        if exog is None and start + n <= self.nobs:
            return self.design[start : start + n]
        if exog is None:
            raise UserError(
                f"the model has regressors ({', '.join(names)}); pass their values at the {n} "
                f"time{'s' * (n > 1)} from position {start} on as exog"
            )
        exog = self._aligned(exog, start, n)
        rows = "the forecast" if start else "the simulation"
        by_name = self._has_names or set(names) <= set(given_names(exog) or ())
        columns = regressors(exog, n, rows=rows, names=names, by_name=by_name)
        return self._design(start, n, columns)

    def _aligned(self, exog: Any, start: int, n: int) -> Any:
        """Return the rows of exog for ``n`` times from position ``start``, by their labels."""
        exog = as_row(exog, self.exog_names) if n == 1 else exog
        rows = self._times.rows_of(exog, start, n, "exog")
        return exog if rows is None else exog.iloc[rows]

    def _design(self, start: int, n: int, exog: Array | None) -> Array:
        columns = trend_columns(self.powers, start, n)
        return columns if exog is None else np.concatenate([columns, exog], axis=1)

    def _refuse_too_few(self) -> None:
        needed = len(self.param_names)
        if self.n_used <= needed:
            used_up = f" minus {self._n_diffuse} for the differences"
            raise UserError(
                f"{self._n_observed} observations{used_up * (self._n_diffuse > 0)} are too few for "
                f"the {needed} parameters of {self.orders}: {', '.join(self.param_names)}"
            )
