"""ARIMA: autoregressive integrated moving averages, with seasons and regressors.

Box and Jenkins 1970, "Time series analysis: forecasting and control". What statsmodels' users
know by the same name is found here by the same name.
"""

from typing import Any

from scratchgpt.backend import Array
from scratchgpt.timeseries.fitting.fitting import Fit
from scratchgpt.timeseries.results import ARIMAResults
from scratchgpt.timeseries.specification import ARIMASpecification


class ARIMA(ARIMASpecification):
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
        fit = self.estimate(start_params, method, thorough=thorough, max_iterations=max_iterations)
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

    def _inside(self, params: Any, conditional: bool) -> Array:
        values = self.layout.checked(params)
        if not conditional:
            self.layout.require_stationary(values)
        return values
