"""What a fitted model can be asked."""

from typing import TYPE_CHECKING, Any

import numpy as np

from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.inputs import positive_count
from scratchgpt.timeseries.estimates import Estimates
from scratchgpt.timeseries.forecasting.simulation import simulate, simulate_future
from scratchgpt.timeseries.summary import Summary, summarize

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ARIMAResults(Estimates):
    """A model with its parameters; what takes time is computed when it is asked for.

    Arrays over time or over parameters are pandas objects where the series was one.

    Attributes
    ----------
    model : ARIMA
    method : str
        How the parameters were found: "mle", "css", "css-mle", or "given".
    converged : bool
        Whether the optimiser came to rest at an optimum.
    message : str
        Why the search ended.
    n_iterations, n_evaluations : int
        What it took.
    """

    def summary(self, alpha: float = 0.05) -> Summary:
        """The estimates and their uncertainty as a table of text."""
        return summarize(self, alpha)

    def predict(self, start: Any = None, end: Any = None, exog: Any = None) -> Any:
        """One-step predictions within the series and forecasts beyond it.

        Parameters
        ----------
        start, end : int or label of the index, optional
            First and last position, both included; by default all of the series.
        exog : array (steps, k), optional
            Regressors of the times after the last.

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
            raise UserError(f"end={end!r} is before start={start!r}")
        mean = self._one_step[0]
        if last >= n:
            ahead = self._forecast(last + 1 - n, exog)[0]
            mean = np.concatenate([mean, ahead])
        return index.series(mean[first : last + 1], first, "predicted_mean")

    def forecast(self, steps: int = 1, exog: Any = None) -> Any:
        """Means of the next ``steps`` values; exog gives their regressors: (steps,)."""
        return self.get_forecast(steps, exog).predicted_mean

    def simulate(self, n: int, seed: int = 0, *, anchor: str = "start", exog: Any = None) -> Any:
        """Draw a series from the model.

        Parameters
        ----------
        n : int
            Its length.
        seed : int
            The same seed draws the same series.
        anchor : {"start", "end"}
            A series like this one from its first value on, the differenced part starting at 0;
            or a future that goes on from where this one ends.
        exog : array (n, k), optional
            Regressors; for "start" by default those of the series itself.

        Returns
        -------
        series : array (n,) or pandas Series
        """
        m = self.model
        n = positive_count("n", n)
        if anchor not in ("start", "end"):
            raise UserError(f"anchor={anchor!r} must be 'start' or 'end'")
        params = self.fit.params
        if anchor == "start":
            m.layout.require_stationary(params)
            values = simulate(params, m.design_at(0, n, exog), m.orders, seed)
            return m.index.series(values, 0, "simulated")
        design = m.future_design(n, exog)
        values = simulate_future(params, m.endog, m.design, m.orders, design, seed)
        return m.index.series(values, self.nobs, "simulated")

    def append(self, new_data: Any, exog: Any = None, refit: bool = False) -> "ARIMAResults":
        """The results for the series with new values behind it.

        Parameters
        ----------
        new_data : like endog
        exog : like exog, optional
            Regressors of the new times.
        refit : bool
            Estimate the parameters again, beginning from these; else they stay as they are.
        """
        longer = self.model.extended(new_data, exog)
        if refit:
            method = "mle" if self.method == "given" else self.method
            return ARIMAResults(longer, longer.estimate(self.fit.params, method))
        return ARIMAResults(longer, self.fit)

    def plot_forecast(self, steps: int = 24, alpha: float = 0.05) -> "Figure":
        """Draw the series, its fit, and the forecast with its interval; needs matplotlib."""
        from scratchgpt.timeseries.plots import plot_forecast

        return plot_forecast(self, steps, alpha)

    def plot_diagnostics(self, lags: int | None = None) -> "Figure":
        """Draw what the residuals should not show; needs matplotlib."""
        from scratchgpt.timeseries.plots import plot_diagnostics

        return plot_diagnostics(self, lags)
