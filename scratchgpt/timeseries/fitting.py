"""The search for the parameters of a model."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.objective import Objective
from scratchgpt.timeseries.optimizer import Search, minimize
from scratchgpt.timeseries.orders import Orders
from scratchgpt.timeseries.regression import Standardized, standardize
from scratchgpt.timeseries.search_space import SearchSpace
from scratchgpt.timeseries.starting import starting_points

METHODS = ("mle", "css", "css-mle")


class Fit(NamedTuple):
    """Parameters, and how they were found.

    params : (k,) in the order of ``ARIMA.param_names``
    method : "mle", "css", "css-mle", or "given"
    converged : bool
    message : why the search ended
    n_iterations, n_evaluations : of all searches together
    """

    params: Array
    method: str
    converged: bool = True
    message: str = ""
    n_iterations: int = 0
    n_evaluations: int = 0


def fit_model(
    y: Array,
    design: Array,
    orders: Orders,
    *,
    method: str = "mle",
    start: Array | None = None,
    stationary: bool = True,
    invertible: bool = True,
    thorough: bool = True,
    max_iterations: int = 500,
) -> Fit:
    """Find the parameters of a model.

    Parameters
    ----------
    y : (n,)
    design : (n, k)
    orders : Orders
    method : {"mle", "css", "css-mle"}
    start : (k + 1,), optional
        Parameters to search from, those of the regression first and sigma2 last.
    stationary, invertible : bool
        Whether to search among those alone.
    thorough : bool
        Several starts where the likelihood may have several maxima.
    max_iterations : int
        Of one search.

    Raises
    ------
    UserError
        If the data leave nothing to model, or a conditional sum of squares is asked of a series
        with missing values.
    """
    if method == "css" and np.isnan(y).any():
        raise UserError('method="css" needs a series without missing values; use method="mle"')
    standard = standardize(y, design, orders)
    space = SearchSpace(orders, design.shape[1], stationary, invertible)
    searches: list[Search] = []
    if start is None:
        points = starting_points(standard, orders, space, thorough=thorough)
    else:
        points = [space.inverse(_standardized(start, standard, space))]
    if method != "mle" and not np.isnan(y).any():
        conditional = Objective(standard, orders, space, conditional=True)
        searches += _searched(conditional, points, max_iterations)
        points = [_best(searches).z]
    objective = Objective(standard, orders, space, conditional=method == "css")
    if method != "css":
        exact = _searched(objective, points, max_iterations)
        searches += exact
        best = _best(exact)
    else:
        best = _best(searches)
    coefficients, _ = space.forward(best.z)
    k = design.shape[1]
    params = np.concatenate(
        [
            standard.beta + standard.to_beta @ coefficients[:k],
            coefficients[k:],
            [standard.scale**2 * objective.sigma2(best.z)],
        ]
    )
    return Fit(
        params,
        method,
        best.converged,
        best.message,
        sum(search.n_iterations for search in searches),
        sum(search.n_evaluations for search in searches),
    )


def _searched(objective: Objective, points: list[Array], max_iterations: int) -> list[Search]:
    return [minimize(objective, z, objective.space.bounded, max_iterations) for z in points]


def _best(searches: list[Search]) -> Search:
    """The lowest of the searches that converged; of all, if none did."""
    return min(
        [search for search in searches if search.converged] or searches,
        key=lambda search: search.value,
    )


def _standardized(params: Array, standard: Standardized, space: SearchSpace) -> Array:
    """Parameters (k + 1,) without the last, in the units of the search (k,)."""
    coefficients = params[:-1].copy()
    k = len(standard.beta)
    if k:
        coefficients[:k] = np.linalg.solve(standard.to_beta, params[:k] - standard.beta)
    return coefficients
