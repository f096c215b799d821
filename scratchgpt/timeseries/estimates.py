"""What the data say of a model's parameters, and what the model says of the data."""

import functools
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
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.specification import ARIMASpecification


class Estimates:
    """What a summary and a plot of an :class:`ARIMAResults` need to know of it."""

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
        """Estimates, in the order of ``param_names``: (k,)."""
        return self._named(self.fit.params)

    @property
    def sigma2(self) -> float:
        """Variance of the innovations, by maximum likelihood."""
        return float(self.fit.params[-1])

    @property
    def nobs(self) -> int:
        """Length of the series, missing values included."""
        return self.model.nobs

    @functools.cached_property
    def llf(self) -> float:
        """Log-likelihood; of ``method="css"`` that of what follows the first p + s P values."""
        return float(self.model.likelihood_forward(self.fit.params, self.method == "css")[0])

    @property
    def criteria(self) -> Criteria:
        """aic, aicc, bic and hqic at once."""
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
        """Rough standard errors of the regression's coefficients: the size of their steps."""
        m = self.model
        columns = difference(m.design, m.orders.d, m.orders.D, m.orders.s)
        return np.sqrt(self.fit.params[-1] / (columns**2).sum(axis=0))

    @property
    def cov_params(self) -> Any:
        """Covariance of the estimates, the inverse of the observed information: (k, k).

        The information is the derivative of the exact score, by central differences. NaN where
        it is not positive definite.
        """
        return self._named(self._covariance, self.param_names)

    @property
    def bse(self) -> Any:
        """Standard errors of the estimates: (k,)."""
        return self._named(self._errors)

    @property
    def tvalues(self) -> Any:
        """Estimates over their standard errors: (k,)."""
        return self._named(self.fit.params / self._errors)

    @property
    def pvalues(self) -> Any:
        """Chances of estimates so far from 0 if the parameter were 0, by the normal law: (k,)."""
        from scipy.special import ndtr

        return self._named(2 * ndtr(-np.abs(self.fit.params / self._errors)))

    def conf_int(self, alpha: float = 0.05) -> Any:
        """Intervals of the parameters, lower and upper, of level 1 - alpha: (k, 2)."""
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
        """Prediction of each value from those before it: (n,).

        NaN for the first d + s D: nothing before them says where the series stands.
        """
        return self.model.index.series(self._one_step[0], 0, "fittedvalues")

    @property
    def resid(self) -> Any:
        """``endog - fittedvalues``, the innovations: (n,); NaN where either is."""
        return self.model.index.series(self.model.endog - self._one_step[0], 0, "resid")

    @property
    def standardized_resid(self) -> Any:
        """Innovations over their standard deviations: (n,)."""
        mean, variance = self._one_step
        values = (self.model.endog - mean) / np.sqrt(variance)
        return self.model.index.series(values, 0, "standardized_resid")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What one should know before using the estimates; empty where all is well."""
        found = []
        if not self.converged:
            found.append(f"the optimiser did not converge: {self.message}")
        if np.isnan(self._errors).any():
            found.append(
                "the observed information is not positive definite, as at the edge of "
                "the parameter space: there are no standard errors"
            )
        return tuple(found)

    def get_forecast(self, steps: int = 1, exog: Any = None) -> Forecast:
        """The next ``steps`` values with their standard errors and intervals."""
        mean, variance = self._forecast(steps, exog)
        return Forecast(mean, variance, self.model.index, self.nobs)

    def _forecast(self, steps: int, exog: Any) -> tuple[Array, Array]:
        m = self.model
        steps = positive_count("steps", steps)
        design = m.future_design(steps, exog)
        return forecast(self.fit.params, m.endog, m.design, m.orders, steps, design)

    def _named(self, values: Array, columns: Sequence[Any] | None = None) -> Any:
        return self.model.index.named(values, self.param_names, columns)
