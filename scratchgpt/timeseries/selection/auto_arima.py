"""Automatic selection of an ARIMA model: differences, orders and constant.

The algorithm is that of Hyndman and Khandakar 2008, Journal of Statistical Software 27(3), as
implemented in R's package forecast 8.20.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.index import TimeIndex
from scratchgpt.timeseries.data.inputs import (
    column_names,
    endog_values,
    refuse_constant,
    regressors,
)
from scratchgpt.timeseries.data.series_values import is_constant
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.results import ARIMAResults
from scratchgpt.timeseries.selection.model_search import (
    CRITERIA,
    EvaluatedModel,
    ModelSearch,
    describe,
)
from scratchgpt.timeseries.selection.n_differences import n_differences, n_seasonal_differences
from scratchgpt.timeseries.selection.stepwise import Candidate, Limits, grid, stepwise


class Choice(NamedTuple):
    """The selected model, fitted, and all models that were tried, in order."""

    results: ARIMAResults
    tried: list[EvaluatedModel]

    @property
    def name(self) -> str:
        """The name of the model in R's format, ``ARIMA(0,1,1)(0,1,1)[12]``, with its constant."""
        return describe(self.results.model.orders, str(self.results.model.trend))


def auto_arima(
    endog: Any,
    period: int = 1,
    exog: Any = None,
    *,
    d: int | None = None,
    D: int | None = None,
    max_p: int = 5,
    max_q: int = 5,
    max_P: int = 2,
    max_Q: int = 2,
    max_d: int = 2,
    max_D: int = 1,
    start: tuple[int, int, int, int] = (2, 2, 1, 1),
    stationary: bool = False,
    allow_constant: bool = True,
    criterion: str = "aicc",
    full: bool = False,
    max_order: int = 5,
    n_models: int = 94,
    on_tried: Callable[[EvaluatedModel], None] | None = None,
) -> Choice:
    """Select and fit an ARIMA model.

    Seasonal differences are taken while the seasonal strength is above 0.64, other differences
    until the KPSS test no longer rejects stationarity. Orders and constant are then selected by the
    lowest criterion of maximum likelihood fits (R's ``approximation=FALSE``), in a stepwise search
    or among all models. A model is rejected if a root of its polynomials has a modulus below 1.01,
    or if it has no standard errors. The stepwise search makes the same moves as R. It differs only
    if the optimizer of one of the two finds a higher likelihood for some model.

    Parameters
    ----------
    endog : list, array (n,) or pandas Series
        The series; NaN marks a missing value.
    period : int
        Observations per season, for example 12 for months; 1 means no season.
    exog : array (n, k), optional
        Regressors. The number of differences is chosen for the residuals of the regression.
    d, D : int, optional
        Numbers of differences; by default they are chosen by tests.
    max_p, max_q, max_P, max_Q, max_d, max_D : int
        Limits of the orders. p and q are also limited to a third of the number of observations, P
        and Q to a third of the number of seasons.
    start : (p, q, P, Q)
        The first model of the stepwise search.
    stationary : bool
        If True, take no differences.
    allow_constant : bool
        Whether to try models with a mean, or with a drift after one difference.
    criterion : {"aicc", "aic", "bic"}
        With three observations or fewer, AIC is used, as in R.
    full : bool
        If True, try all models with p + q + P + Q up to ``max_order`` instead of a stepwise search.
    max_order : int
    n_models : int
        The maximum number of models of the stepwise search.
    on_tried : callable, optional
        Called with each model after it is tried, to report progress.

    Returns
    -------
    Choice

    Raises
    ------
    UserError
        If the series is constant, before or after differencing, or if every model is rejected.

    Examples
    --------
    >>> from scratchgpt.timeseries import auto_arima, load_example
    >>> accidents = load_example("accidents")
    >>> auto_arima(accidents.values, accidents.period).name
    'ARIMA(0,1,1)(0,1,1)[12]'
    """
    if criterion not in CRITERIA:
        raise UserError(f"criterion={criterion!r} must be one of {', '.join(CRITERIA)}")
    length = whole_number(period)
    if length is None or length < 1:
        raise UserError(f"period={period!r} must be an integer of at least 1; 1 means no season")
    period = length
    p, q, P, Q = start
    _refuse_negative(d=d, D=D, max_p=max_p, max_q=max_q, max_P=max_P, max_Q=max_Q)
    _refuse_negative(max_d=max_d, max_D=max_D, max_order=max_order, n_models=n_models)
    _refuse_negative(start_p=p, start_q=q, start_P=P, start_Q=Q)
    y = endog_values(endog)
    refuse_constant(y)
    if exog is not None:  # otherwise each model would be rejected for the same reason
        TimeIndex(endog, y.size).refuse_other_index(exog, "exog")
        column_names(exog, regressors(exog, y.size).shape[1])
    n = int(np.count_nonzero(~np.isnan(y)))
    if stationary:
        d = D = 0
    d, D = _differences(y, exog, period, d, D, max_d, max_D)

    limits = _limits(n, period, max_p, max_q, max_P, max_Q)
    # With so few observations, AICc is infinite for every model.
    criterion = "aic" if n <= 3 else criterion
    search = ModelSearch(endog, exog, d, D, period, criterion, on_tried)
    constant = allow_constant and d + D < 2
    if full:
        for candidate in grid(limits, max_order, constant=constant):
            search.evaluate(candidate)
    else:
        at_most = [1, 1, 0, 0] if n < 10 else [*start]
        p, q, P, Q = (min(*each) for each in zip(start, at_most, limits, strict=True))
        first = Candidate(p, q, P, Q, constant)
        stepwise(search.evaluate, first, limits, constant=constant, n_models=n_models)
    results = search.result()
    if results is None:
        raise UserError(
            f"all {len(search.tried)} models were rejected; the last one because "
            f"{search.tried[-1].refused}"
        )
    return Choice(results, search.tried)


def _refuse_negative(**counts: int | None) -> None:
    for name, count in counts.items():
        number = whole_number(count)
        if count is not None and (number is None or number < 0):
            raise UserError(f"{name}={count!r} must be a non-negative integer")


def _limits(n: int, period: int, p: int, q: int, P: int, Q: int) -> Limits:
    """Limit the orders for a series of n observations."""
    if period == 1:
        return Limits(min(p, n // 3), min(q, n // 3), 0, 0)
    P, Q = (min(each, n // 3 // period) for each in (P, Q))
    # A non-seasonal coefficient at the lag of the season would coincide with a seasonal one.
    p, q = (min(each, n // 3, period - 1 if at else each) for each, at in ((p, P), (q, Q)))
    return Limits(p, q, P, Q)


def _differences(
    y: Array, exog: Any, period: int, d: int | None, D: int | None, max_d: int, max_D: int
) -> tuple[int, int]:
    """Choose the numbers of differences, non-seasonal and seasonal, unless they are given."""
    columns = np.zeros((y.size, 0)) if exog is None else regressors(exog, y.size)
    varying = columns[:, [not is_constant(column) for column in columns.T]]
    if varying.shape[1]:
        known = ~np.isnan(y)
        design = np.column_stack([np.ones(y.size), varying])
        y = y - design @ np.linalg.lstsq(design[known], y[known], rcond=None)[0]
    if period == 1:
        D = 0
    elif D is None:
        D = n_seasonal_differences(y, period, max_D=max_D)
        if D and (_some_vanish(varying, 0, D, period) or _unknown(y, 0, D, period)):
            D -= 1
    if d is None:
        d = n_differences(difference(y, 0, D, period), max_d=max_d)
        if d and (_some_vanish(varying, d, D, period) or _unknown(y, d, D, period)):
            d -= 1
    if is_constant(difference(y, d, D, period)):
        raise UserError(
            f"endog is constant after {d} differences and {D} seasonal differences; it can be "
            "continued without a model"
        )
    return d, D


def _some_vanish(columns: Array, d: int, D: int, period: int) -> bool:
    return any(is_constant(difference(column, d, D, period)) for column in columns.T)


def _unknown(y: Array, d: int, D: int, period: int) -> bool:
    return bool(np.isnan(difference(y, d, D, period)).all())
