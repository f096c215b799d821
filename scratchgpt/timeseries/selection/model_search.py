"""The record of an order search: fit candidate models of a series and keep the best."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.fitting.parameters import largest_inverse_root
from scratchgpt.timeseries.orders import Orders
from scratchgpt.timeseries.results import ARIMAResults
from scratchgpt.timeseries.selection.neighbor_fit import start_from
from scratchgpt.timeseries.selection.stepwise import Candidate

CRITERIA = ("aicc", "aic", "bic")
NEAREST_ROOT = 1.01  # the smallest modulus of a root that is accepted, as in R


class EvaluatedModel(NamedTuple):
    """A model that the search has tried."""

    orders: Orders
    trend: str  # "n", "c" (a mean) or "t" (a drift)
    criterion: float  # infinite if the model was rejected
    refused: str  # the reason for rejecting the model; empty if it was accepted

    @property
    def name(self) -> str:
        """The name of the model in R's format."""
        return describe(self.orders, self.trend)


def describe(orders: Orders, trend: str) -> str:
    """Format a model as R does: ``ARIMA(0,1,1)(0,1,1)[12]``, ``ARIMA(1,0,0) with zero mean``."""
    if orders.d + orders.D == 0:
        return f"{orders} with {'non-zero' if trend == 'c' else 'zero'} mean"
    return f"{orders} with drift" if trend == "t" else str(orders)


class ModelSearch:
    """Fit models of a series with given differences, and record the results.

    Parameters
    ----------
    endog, exog
        As in ARIMA.
    d, D : int
    period : int
        1 means no season.
    criterion : {"aicc", "aic", "bic"}
    on_tried : callable, optional
        Called with each model after it is tried.
    """

    def __init__(
        self,
        endog: Any,
        exog: Any,
        d: int,
        D: int,
        period: int,
        criterion: str,
        on_tried: Callable[[EvaluatedModel], None] | None,
    ) -> None:
        self.endog, self.exog = endog, exog
        self.d, self.D, self.period = d, D, period
        self.criterion, self.on_tried = criterion, on_tried
        self.tried: list[EvaluatedModel] = []
        self.least = np.inf
        self.best: ARIMAResults | None = None
        self._best_model: ARIMA | None = None

    def evaluate(self, candidate: Candidate, is_neighbor: bool = False) -> float:
        """Fit a model and return its criterion; infinite if the model is rejected.

        For a neighbor of the best model so far, the optimizer starts from the parameters of that
        model. This is faster, and selected the same models as R on the series that were tested.
        """
        trend = ("ct"[self.d + self.D]) if candidate.constant else "n"
        order = (candidate.p, self.d, candidate.q)
        seasonal = (candidate.P, self.D, candidate.Q, self.period if self.period > 1 else 0)
        value, refused, results = np.inf, "", None
        try:
            model = ARIMA(self.endog, self.exog, order, seasonal, trend)
            start = start_from(model, self.best) if is_neighbor and self.best else None
            results = quiet_fit(model, start, thorough=False)
            value = float(getattr(results, self.criterion))
            refused = self._why_refused(results, value)
            if value == np.inf:
                refused = f"it has too few observations for {self.criterion}"
        except UserError as error:
            refused = str(error)
        if refused:
            value = np.inf
        if value < self.least:
            self.least, self.best, self._best_model = value, results, model
        self.tried.append(EvaluatedModel(Orders.of(order, seasonal), trend, value, refused))
        if self.on_tried:
            self.on_tried(self.tried[-1])
        return value

    def result(self) -> ARIMAResults | None:
        """Refit the best model from several starting points; None if all models were rejected."""
        if self._best_model is None:
            return None
        again = quiet_fit(self._best_model, None, thorough=True)
        value = float(getattr(again, self.criterion))
        if value < self.least and not self._why_refused(again, value):
            self.least, self.best = value, again
        return self.best

    def _why_refused(self, results: ARIMAResults, value: float) -> str:
        """Return the reason for rejecting a model; empty if it is acceptable."""
        layout = results.model.layout
        for what, ar, ma in layout.factors(results.fit.params):
            stride = layout.orders.s if what else 1
            for kind, phi in (("autoregression", ar), ("moving average", -ma)):
                if phi.size and largest_inverse_root(phi) ** (1 / stride) > 1 / NEAREST_ROOT:
                    return f"the {what}{kind} has a root near the unit circle"
        # Standard errors cost about as much as a fit, so compute them only for a new best model.
        if value < self.least and np.isnan(results.bse).any():
            return "the information is not positive definite"
        return ""


def quiet_fit(model: ARIMA, start: Array | None, *, thorough: bool) -> ARIMAResults:
    """Fit a model without warnings; ``converged`` in the results says whether it converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return model.fit(start, thorough=thorough)
