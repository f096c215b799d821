"""Fits models of one series one after the other, and remembers the best and all."""

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
from scratchgpt.timeseries.selection.neighbour_fit import start_from
from scratchgpt.timeseries.selection.stepwise import Candidate

CRITERIA = ("aicc", "aic", "bic")
NEAREST_ROOT = 1.01  # to the unit circle, as R allows it


class Tried(NamedTuple):
    """A model that the search looked at."""

    orders: Orders
    trend: str  # "n", "c" (a mean) or "t" (a drift)
    criterion: float  # infinite where the model is refused
    refused: str  # why it is; empty where it is not

    @property
    def name(self) -> str:
        """As R writes it."""
        return describe(self.orders, self.trend)


def describe(orders: Orders, trend: str) -> str:
    """A model as R writes it: ``ARIMA(0,1,1)(0,1,1)[12]``, ``ARIMA(1,0,0) with zero mean``."""
    if orders.d + orders.D == 0:
        return f"{orders} with {'non-zero' if trend == 'c' else 'zero'} mean"
    return f"{orders} with drift" if trend == "t" else str(orders)


class ModelSearch:
    """The models of a series with given differences.

    Parameters
    ----------
    endog, exog
        As of ARIMA.
    d, D : int
    period : int
        1 where there is no season.
    criterion : {"aicc", "aic", "bic"}
    on_tried : callable, optional
        Called with each model.
    """

    def __init__(
        self,
        endog: Any,
        exog: Any,
        d: int,
        D: int,
        period: int,
        criterion: str,
        on_tried: Callable[[Tried], None] | None,
    ) -> None:
        self.endog, self.exog = endog, exog
        self.d, self.D, self.period = d, D, period
        self.criterion, self.on_tried = criterion, on_tried
        self.tried: list[Tried] = []
        self.least = np.inf
        self.best: ARIMAResults | None = None
        self._best_model: ARIMA | None = None

    def evaluate(self, candidate: Candidate, is_neighbour: bool = False) -> float:
        """The criterion of a model; infinite if it is refused.

        That of a neighbour of the best is searched for from there: that is quicker, and on the
        series that were tried led to the models that R chooses.
        """
        trend = ("ct"[self.d + self.D]) if candidate.constant else "n"
        order = (candidate.p, self.d, candidate.q)
        seasonal = (candidate.P, self.D, candidate.Q, self.period if self.period > 1 else 0)
        value, refused, results = np.inf, "", None
        try:
            model = ARIMA(self.endog, self.exog, order, seasonal, trend)
            start = start_from(model, self.best) if is_neighbour and self.best else None
            results = quiet_fit(model, start, thorough=False)
            value = float(getattr(results, self.criterion))
            refused = self._why_refused(results, value)
            if value == np.inf:
                refused = f"there are too few observations for its {self.criterion}"
        except UserError as error:
            refused = str(error)
        if refused:
            value = np.inf
        if value < self.least:
            self.least, self.best, self._best_model = value, results, model
        self.tried.append(Tried(Orders.of(order, seasonal), trend, value, refused))
        if self.on_tried:
            self.on_tried(self.tried[-1])
        return value

    def result(self) -> ARIMAResults | None:
        """The best model, searched for once more from several starts; None if none suits."""
        if self._best_model is None:
            return None
        again = quiet_fit(self._best_model, None, thorough=True)
        value = float(getattr(again, self.criterion))
        if value < self.least and not self._why_refused(again, value):
            self.least, self.best = value, again
        return self.best

    def _why_refused(self, results: ARIMAResults, value: float) -> str:
        """Why a model must not be chosen; empty if it may."""
        layout = results.model.layout
        for what, ar, ma in layout.factors(results.fit.params):
            stride = layout.orders.s if what else 1
            for kind, phi in (("autoregression", ar), ("moving average", -ma)):
                if phi.size and largest_inverse_root(phi) ** (1 / stride) > 1 / NEAREST_ROOT:
                    return f"the {what}{kind} has a root near the unit circle"
        # Standard errors cost about as much as a fit; of a model that is not the best they do not
        # matter.
        if value < self.least and np.isnan(results.bse).any():
            return "the information is not positive definite"
        return ""


def quiet_fit(model: ARIMA, start: Array | None, *, thorough: bool) -> ARIMAResults:
    """A fit that warns of nothing: what did not converge says so in its results."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return model.fit(start, thorough=thorough)
