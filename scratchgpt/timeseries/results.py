"""Results of a fitted ARIMA model: summary, predictions, simulation, updates and plots."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.inputs import positive_count
from scratchgpt.timeseries.estimates import Estimates
from scratchgpt.timeseries.forecasting.simulation import simulate, simulate_future
from scratchgpt.timeseries.forecasting.unsettled import unsettled_values
from scratchgpt.timeseries.summary import Summary, summarize

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ARIMAResults(Estimates):
    """A model with estimated parameters. Expensive results are computed on first use.

    Arrays over time or over parameters are pandas objects if the series was a pandas object.

    Attributes
    ----------
    model : ARIMA
    method : str
        The estimation method: "mle", "css", "css-mle", or "given".
    converged : bool
        Whether the optimizer converged to an optimum.
    message : str
        The reason why the search stopped.
    n_iterations, n_evaluations : int
        The numbers of iterations and of function evaluations of the search.
    """

    def summary(self, alpha: float = 0.05) -> Summary:
        """Format the estimates and their uncertainty as a text table."""
        return summarize(self, alpha)

    def predict(self, start: Any = None, end: Any = None, exog: Any = None) -> Any:
        """Predict one step ahead within the series and forecast beyond it.

        Parameters
        ----------
        start, end : int or label of the index, optional
            First and last position, both included; by default the whole series.
        exog : array (steps, k), optional
            Regressors for the times after the series.

        Returns
        -------
        mean : array (end - start + 1,) or pandas Series

        Raises
        ------
        UserError
            If a label does not exist, end is before start, or regressors are missing.
        """
        index, n = self.model.index, self.nobs
        first = 0 if start is None else index.position(start, "left")
        last = n - 1 if end is None else index.position(end, "right")
        if last < first:
            raise UserError(f"end={end!r} is before start={start!r}; swap them")
        mean = self._one_step[0]
        if last >= n:
            ahead = self._forecast(last + 1 - n, exog)[0]
            mean = np.concatenate([mean, ahead])
        return index.series(mean[first : last + 1], first, "predicted_mean")

    def forecast(self, steps: int = 1, exog: Any = None) -> Any:
        """Forecast the means of the next ``steps`` values, (steps,); ``exog`` holds regressors."""
        mean, _ = self._forecast(steps, exog)
        return self.model.index.series(mean, self.nobs, "predicted_mean")

    def simulate(self, n: int, seed: int = 0, *, anchor: str = "start", exog: Any = None) -> Any:
        """Simulate a series from the model.

        Parameters
        ----------
        n : int
            The number of values.
        seed : int
            The random seed; the same seed gives the same series.
        anchor : {"start", "end"}
            "start" simulates a new series from its first value, with the integrated part starting
            at 0. "end" simulates values that follow the series of the model, with the warning of
            :meth:`get_forecast`.
        exog : array (n, k), optional
            Regressors. For "start", the default is the regressors of the series itself.

        Returns
        -------
        series : array (n,) or pandas Series
        """
        m = self.model
        n, seed = positive_count("n", n), check_whole("seed", seed, least=0)
        if anchor not in ("start", "end"):
            raise UserError(f"anchor={anchor!r} must be 'start' or 'end'")
        params = self.fit.params
        if anchor == "start":
            m.layout.require_stationary(params)
            values = simulate(params, m.design_at(0, n, exog), m.orders, seed)
            return m.index.series(values, 0, "simulated")
        design = m.future_design(n, exog)
        values = simulate_future(params, m.endog, m.design, m.orders, design, seed)
        if np.isnan(values).any():
            warnings.warn(unsettled_values(~np.isnan(values)), RuntimeWarning, stacklevel=2)
        return m.index.series(values, self.nobs, "simulated")

    def append(self, new_data: Any, exog: Any = None, refit: bool = False) -> "ARIMAResults":
        """Return results for the series extended by new values.

        Parameters
        ----------
        new_data : like endog
        exog : like exog, optional
            Regressors for the new times.
        refit : bool
            If True, estimate the parameters again. The current ones are one more starting point. If
            False, keep them.
        """
        longer = self.model.extended(new_data, exog)
        if refit:
            method = "mle" if self.method == "given" else self.method
            return ARIMAResults(longer, longer.estimate(self.fit.params, method))
        return ARIMAResults(longer, self.fit)

    def plot_forecast(self, steps: int = 24, alpha: float = 0.05) -> "Figure":
        """Plot the series, its fit, and the forecast with its interval; needs matplotlib."""
        from scratchgpt.timeseries.plots import plot_forecast

        return plot_forecast(self, steps, alpha)

    def plot_diagnostics(self, lags: int | None = None) -> "Figure":
        """Plot residual diagnostics; needs matplotlib."""
        from scratchgpt.timeseries.plots import plot_diagnostics

        return plot_diagnostics(self, lags)
