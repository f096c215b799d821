"""ARIMA: autoregressive integrated moving average models, with seasonal terms and regressors.

Box and Jenkins 1970, "Time series analysis: forecasting and control". Names follow statsmodels.
"""

from typing import Any

from scratchgpt.backend import Array
from scratchgpt.timeseries.fitting.fitting import Fit
from scratchgpt.timeseries.results import ARIMAResults
from scratchgpt.timeseries.specification import ARIMASpecification


class ARIMA(ARIMASpecification):
    """A regression model with seasonal ARIMA errors.

    y_t = trend + exog_t beta + u_t. After d differences and D seasonal differences at lag s, u is
    an ARMA process: (1 - φ(B)) (1 - Φ(B^s)) ∇^d ∇_s^D u_t = (1 + θ(B)) (1 + Θ(B^s)) e_t.

    Parameters
    ----------
    endog : list, array (n,) or pandas Series
        The series; NaN marks a missing value. Forecasts and predictions for a pandas object carry
        its index.
    exog : list, array (n, k) or pandas DataFrame, optional
        Regressors. A column with the name of another parameter, such as ``const`` or ``sigma2``,
        is listed as ``exog.const``.
    order : (p, d, q)
    seasonal_order : (P, D, Q, s)
    trend : {"n", "c", "t", "ct", "ctt"}, list of 0 and 1, or None
        None is a constant for a model without differences and no trend otherwise. A list has a 1
        for each power of time to include, starting from the constant.
    enforce_stationarity : bool
        If True, search only stationary autoregressions, parametrized by their partial
        autocorrelations. If False, search the coefficients themselves. A non-stationary
        autoregression has no exact likelihood, so only ``method="css"`` can return one.
    enforce_invertibility : bool
        The same for the moving averages. A non-invertible moving average has the likelihood of an
        invertible one.

    Raises
    ------
    UserError
        If an argument is invalid; the message names the argument and the reason.

    Examples
    --------
    >>> from scratchgpt.timeseries import ARIMA
    >>> flow = [1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140]
    >>> result = ARIMA(flow, order=(0, 1, 1)).fit()
    >>> result.forecast(2).round()
    array([1133., 1133.])
    """

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
            One more starting point, in the order of ``param_names``. With ``thorough=False``, it is
            the only one.
        method : {"mle", "css", "css-mle"}
            ``"mle"`` maximizes the exact likelihood. ``"css"`` minimizes the conditional sum of
            squares, which is cheaper and less accurate. ``"css-mle"`` maximizes the exact
            likelihood, starting from the minimum of the conditional sum of squares.
        thorough : bool
            If True, search from several starting points for models whose likelihood can have
            several maxima, and keep the highest. False searches from one starting point, which is
            faster when many models are fitted.
        max_iterations : int
            The optimizer stops after this many iterations and the result reports that it did not
            converge.

        Returns
        -------
        results : ARIMAResults

        Raises
        ------
        UserError
            If the start parameters are not stationary or not invertible and the model requires it,
            or if the regression explains the series exactly.

        Warns
        -----
        RuntimeWarning
            If the optimizer did not converge.
        """
        fit = self.estimate(start_params, method, thorough=thorough, max_iterations=max_iterations)
        return ARIMAResults(self, fit)

    def filter(self, params: Any) -> ARIMAResults:
        """Return results for given parameters, in the order of ``param_names``, without fitting."""
        values = self.layout.checked(params)
        self.layout.require_stationary(values)
        return ARIMAResults(self, Fit(values, "given"))

    def loglike(self, params: Any, *, conditional: bool = False) -> float:
        """Compute the log-likelihood at given parameters, in the order of ``param_names``.

        Parameters
        ----------
        params : array (k,)
        conditional : bool
            Use the conditional sum of squares instead of the exact likelihood.
        """
        values = self._inside(params, conditional)
        return float(self.likelihood_forward(values, conditional)[0])

    def score(self, params: Any, *, conditional: bool = False) -> Array:
        """Compute the gradient of :meth:`loglike`, (k,), by the hand-written backward pass."""
        return self.score_unchecked(self._inside(params, conditional), conditional)

    def _inside(self, params: Any, conditional: bool) -> Array:
        values = self.layout.checked(params)
        if not conditional:
            self.layout.require_stationary(values)
        return values
