"""Estimation of the parameters of a model by numerical optimization."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.fitting.negative_log_likelihood import NegativeLogLikelihood
from scratchgpt.timeseries.fitting.optimizer import Search, minimize, minimize_compiled
from scratchgpt.timeseries.fitting.regression import Standardized, standardize
from scratchgpt.timeseries.fitting.search_space import SearchSpace
from scratchgpt.timeseries.fitting.starting import starting_points
from scratchgpt.timeseries.orders import Orders

METHODS = ("mle", "css", "css-mle")
EQUAL = 1e-10  # a smaller difference of two values per observation is a rounding error


class Fit(NamedTuple):
    """Estimated parameters and a record of the search.

    params : (k,) in the order of ``ARIMA.param_names``
    method : "mle", "css", "css-mle", or "given"
    converged : bool
    message : the reason why the search stopped
    n_iterations, n_evaluations : totals over all searches
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
    """Estimate the parameters of a model.

    Parameters
    ----------
    y : (n,)
    design : (n, k)
    orders : Orders
    method : {"mle", "css", "css-mle"}
    start : (k + 1,), optional
        One more starting point, or the only one if not ``thorough``: the regression coefficients
        first, sigma2 last.
    stationary, invertible : bool
        Whether to restrict the search to stationary or invertible models.
    thorough : bool
        Whether to try several starting points if the likelihood can have several maxima.
    max_iterations : int
        The limit for each search.

    Raises
    ------
    UserError
        If the regression explains the series exactly, or if ``method="css"`` and the series is too
        short or has missing values.
    """
    has_residuals = _has_residuals(y, design, orders)
    if method == "css" and not has_residuals:
        raise UserError(
            'method="css" needs a series without missing values, and more values after the first '
            f'{orders.n_ar + orders.n_diffuse} than the model has parameters; use method="mle"'
        )
    standard = standardize(y, design, orders)
    space = SearchSpace(orders, design.shape[1], stationary, invertible)
    points = []
    if start is not None:
        points.append(space.inside(space.inverse(_standardized(start, standard))))
    if start is None or thorough:
        points += starting_points(standard, orders, space, thorough=thorough)
    searches: list[Search] = []
    if method != "mle" and has_residuals:
        function = NegativeLogLikelihood(standard, orders, space, conditional=True)
        searches += _searched(function, points, max_iterations)
        best = _best(searches)
        points = [best.z]
    if method != "css":
        function = NegativeLogLikelihood(standard, orders, space, conditional=False)
        exact = _searched(function, points, max_iterations)
        best = _best(exact)
        searches += exact
    coefficients, _ = space.forward(best.z)
    k = design.shape[1]
    sigma2 = function.sigma2(best.z) if best.sigma2 is None else best.sigma2
    params = np.concatenate(
        [
            standard.beta + standard.to_beta @ coefficients[:k],
            coefficients[k:],
            [standard.scale**2 * sigma2],
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


def _has_residuals(y: Array, design: Array, orders: Orders) -> bool:
    """Whether the conditional sum of squares exists and has more residuals than parameters."""
    n_params = design.shape[1] + sum(orders.n_coefficients) + 1
    return not np.isnan(y).any() and len(y) - orders.n_ar - orders.n_diffuse > n_params


def _searched(
    function: NegativeLogLikelihood, points: list[Array], max_iterations: int
) -> list[Search]:
    """Search from each point, and again from the end of the best search if it may be improved."""
    space = function.space
    searches = [_search(function, z, max_iterations) for z in points]
    best = _best(searches)
    inside = space.inside(best.z)
    if (inside != best.z).any():  # the gradient vanishes at the edge, even if it is no minimum
        searches.append(_search(function, inside, max_iterations))
        best = _best(searches)
    if not best.converged and best.n_iterations < max_iterations:
        searches.append(minimize(function, best.z, space.bounded, max_iterations))
    return searches


def _search(function: NegativeLogLikelihood, z: Array, max_iterations: int) -> Search:
    bounded, found = function.space.bounded, None
    if z.size and function.problem is not None:
        found = minimize_compiled(function.problem, z, bounded, max_iterations)
    return found or minimize(function, z, bounded, max_iterations)


def _best(searches: list[Search]) -> Search:
    """Return the lowest search; of equal ones, the first that converged."""
    least = min(search.value for search in searches)
    lowest = [search for search in searches if not search.value > least + EQUAL]
    return min(lowest, key=lambda search: not search.converged)


def _standardized(params: Array, standard: Standardized) -> Array:
    """Convert parameters (k + 1,) to the units of the search, without sigma2: (k,)."""
    coefficients = params[:-1].copy()
    k = len(standard.beta)
    if k:
        coefficients[:k] = np.linalg.solve(standard.to_beta, params[:k] - standard.beta)
    return coefficients
