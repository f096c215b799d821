"""Parameter estimates with their uncertainty, information criteria, residuals and forecasts."""

import functools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.data.inputs import positive_count
from scratchgpt.timeseries.fitting.covariance import parameter_covariance
from scratchgpt.timeseries.fitting.fitting import Fit
from scratchgpt.timeseries.fitting.information import Criteria, criteria
from scratchgpt.timeseries.forecasting.forecasting import forecast, one_step_predictions
from scratchgpt.timeseries.forecasting.predictions import Forecast, normal_quantile
from scratchgpt.timeseries.forecasting.unsettled import settled_after, unsettled_values
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.specification import ARIMASpecification


class Estimates:
    """The part of :class:`ARIMAResults` that summaries and plots depend on."""

    def __init__(self, model: ARIMASpecification, fit: Fit) -> None:
        self.model = model
        self.fit = fit
        self.method, self.converged, self.message = fit.method, fit.converged, fit.message
        self.n_iterations, self.n_evaluations = fit.n_iterations, fit.n_evaluations

    @property
    def param_names(self) -> tuple[str, ...]:
        return self.model.param_names

    @property
    def params(self) -> Any:
        """The estimates, in the order of ``param_names``: (k,)."""
        return self._named(self.fit.params)

    @property
    def sigma2(self) -> float:
        """The maximum likelihood estimate of the variance of the innovations."""
        return float(self.fit.params[-1])

    @property
    def nobs(self) -> int:
        """Length of the series, missing values included."""
        return self.model.nobs

    @functools.cached_property
    def llf(self) -> float:
        """The log-likelihood; for ``method="css"``, conditional on the first p + s P values."""
        return float(self.model.likelihood_forward(self.fit.params, self.method == "css")[0])

    @property
    def criteria(self) -> Criteria:
        """The information criteria aic, aicc, bic and hqic."""
        return criteria(self.llf, self.model.n_used, len(self.param_names))

    @property
    def aic(self) -> float:
        return self.criteria.aic

    @property
    def aicc(self) -> float:
        return self.criteria.aicc

    @property
    def bic(self) -> float:
        return self.criteria.bic

    @property
    def hqic(self) -> float:
        return self.criteria.hqic

    @functools.cached_property
    def _covariance(self) -> Array:
        return parameter_covariance(
            functools.partial(self.model.score_unchecked, conditional=self.method == "css"),
            self.fit.params,
            self.model.layout.steps(self.fit.params, self._column_errors()),
        )

    def _column_errors(self) -> Array:
        """Compute rough standard errors of the regression coefficients, for the size of steps."""
        m = self.model
        columns = difference(m.design, m.orders.d, m.orders.D, m.orders.s)
        return np.sqrt(self.fit.params[-1] / (columns**2).sum(axis=0))

    @property
    def cov_params(self) -> Any:
        """The covariance of the estimates, the inverse of the observed information: (k, k).

        The observed information is minus the derivative of the exact score, computed by central
        differences. All elements are NaN if it is not positive definite.
        """
        return self._named(self._covariance, self.param_names)

    @property
    def bse(self) -> Any:
        """The standard errors of the estimates: (k,)."""
        return self._named(self._errors)

    @property
    def tvalues(self) -> Any:
        """The estimates divided by their standard errors: (k,)."""
        return self._named(self.fit.params / self._errors)

    @property
    def pvalues(self) -> Any:
        """Two-sided p-values for the hypothesis that a parameter is 0, by a normal test: (k,)."""
        from scipy.special import ndtr

        return self._named(2 * ndtr(-np.abs(self.fit.params / self._errors)))

    def conf_int(self, alpha: float = 0.05) -> Any:
        """Compute confidence intervals of level 1 - alpha, lower and upper bounds: (k, 2)."""
        half = normal_quantile(alpha) * self._errors
        bounds = np.stack([self.fit.params - half, self.fit.params + half], axis=1)
        return self._named(bounds, (0, 1))

    @property
    def _errors(self) -> Array:
        return np.sqrt(np.diag(self._covariance))

    @functools.cached_property
    def _one_step(self) -> tuple[Array, Array]:
        m = self.model
        return one_step_predictions(self.fit.params, m.endog, m.design, m.orders)

    @property
    def fittedvalues(self) -> Any:
        """The prediction of each value from the values before it: (n,).

        NaN for the first d + s D values, because the level of the series before them is unknown.
        """
        return self.model.index.series(self._one_step[0], 0, "fittedvalues")

    @property
    def resid(self) -> Any:
        """The innovations ``endog - fittedvalues``: (n,); NaN if either of the two is NaN."""
        return self.model.index.series(self.model.endog - self._one_step[0], 0, "resid")

    @property
    def standardized_resid(self) -> Any:
        """The innovations divided by their standard deviations: (n,)."""
        mean, variance = self._one_step
        values = (self.model.endog - mean) / np.sqrt(variance)
        return self.model.index.series(values, 0, "standardized_resid")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Reasons to distrust the estimates or the forecasts; empty if there are none."""
        m = self.model
        found = []
        if not self.converged:
            found.append(f"the optimizer did not converge: {self.message}")
        if np.isnan(self._errors).any():
            found.append(
                "the observed information is not positive definite, so there are no standard "
                "errors; the estimates may be on the boundary of the parameter space"
            )
        unsettled = unsettled_values(settled_after(m.endog, m.orders, max(m.orders.s, 1)))
        return (*found, unsettled) if unsettled else tuple(found)

    def get_forecast(self, steps: int = 1, exog: Any = None) -> Forecast:
        """Forecast the next ``steps`` values, with standard errors and intervals.

        Warns
        -----
        RuntimeWarning
            If no observation determines the level of a value, as for a day of the week that was
            never observed. The mean is then NaN and the variance is infinite.
        """
        mean, variance = self._forecast(steps, exog)
        return Forecast(mean, variance, self.model.index, self.nobs)

    def _forecast(self, steps: int, exog: Any) -> tuple[Array, Array]:
        m = self.model
        steps = positive_count("steps", steps)
        design = m.future_design(steps, exog)
        mean, variance = forecast(self.fit.params, m.endog, m.design, m.orders, steps, design)
        if np.isinf(variance).any():
            warnings.warn(unsettled_values(np.isfinite(variance)), RuntimeWarning, stacklevel=3)
        return mean, variance

    def _named(self, values: Array, columns: Sequence[Any] | None = None) -> Any:
        return self.model.index.named(values, self.param_names, columns)
