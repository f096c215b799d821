"""Minimization with an exact gradient, by SciPy or compiled, and the criterion for convergence."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.threads import one_pool

# The functions to minimize are means over the observations, in nats, and the parameters are of size
# about 1. With a gradient of 1e-6, the possible gain per observation is about 1e-12 nats if the
# curvature is 1, and 1e-9 nats if the curvature is a thousandth.
GRADIENT = 1e-6
LOOSE_GRADIENT = 1e-4  # a search stopped by rounding errors counts as converged below this gradient
VANISHED = "the gradient vanished"
BOUND = 7.0  # tanh(7) is 1 - 1.7e-6; beyond it, only rounding errors change

Function = Callable[[Array], tuple[float, Array]]


class Search(NamedTuple):
    """The result of a search.

    z : (size,) the final point
    value : the function value at z
    converged : whether z is a stationary point
    message : the reason why the search stopped
    n_iterations, n_evaluations
    sigma2 : the noise variance that maximizes the likelihood at z, if the search computed it
    """

    z: Array
    value: float
    converged: bool
    message: str
    n_iterations: int
    n_evaluations: int
    sigma2: float | None = None


def minimize(function: Function, z: Array, bounded: Array, max_iterations: int) -> Search:
    """Minimize a function by L-BFGS-B, starting at z.

    Parameters
    ----------
    function : callable
        Returns the value and the gradient (size,) at z.
    z : (size,)
    bounded : bool (size,)
        Which elements are arguments of tanh; they are limited to ``BOUND`` in absolute value.
    max_iterations : int
    """
    from scipy.optimize import minimize as scipy_minimize

    if not z.size:
        return Search(z, function(z)[0], True, "nothing to search for", 0, 1)
    edge = np.where(bounded, BOUND, np.inf)
    with one_pool():  # L-BFGS-B calls SciPy's BLAS for products too small for two threads
        found = scipy_minimize(
            function,
            np.clip(z, -edge, edge),
            jac=True,
            method="L-BFGS-B",
            bounds=np.stack([-edge, edge], axis=1) if bounded.any() else None,
            options={"maxiter": max_iterations, "maxcor": 20, "ftol": 0.0, "gtol": GRADIENT},
        )
    message = {
        0: VANISHED,
        1: f"it stopped after {found.nit} iterations; raise max_iterations to allow more",
    }.get(found.status, f"it stopped because it found no lower point ({found.message})")
    converged = bool(found.success) or _is_flat(found.x, found.jac, edge)
    return Search(
        found.x,
        float(found.fun),
        converged and math.isfinite(found.fun),
        message,
        int(found.nit),
        int(found.nfev),
    )


def minimize_compiled(problem: Any, z: Array, bounded: Array, max_iterations: int) -> Search | None:
    """Minimize the negative log-likelihood of a problem by the compiled search, starting at z.

    Returns None if the compiled likelihood does not exist at z.
    """
    from scratchgpt.kernels.timeseries import search

    edge = np.where(bounded, BOUND, np.inf)
    z, gradient, value, sigma2, status, n_iterations, n_evaluations = search.minimize_from(
        problem, z, edge, max_iterations, GRADIENT
    )
    if not math.isfinite(value):
        return None
    converged, message = True, VANISHED
    if status != search.CONVERGED:
        converged = _is_flat(z, gradient, edge)
        message = "it stopped because it found no lower point"
    if status == search.TOO_LONG:
        message = f"it stopped after {n_iterations} iterations; raise max_iterations to allow more"
    return Search(z, value, converged, message, n_iterations, n_evaluations, sigma2)


def _is_flat(z: Array, gradient: Array, edge: Array) -> bool:
    """Whether only rounding errors can be left to gain, at bounds in the direction inward."""
    outward = (z <= -edge) & (gradient > 0) | (z >= edge) & (gradient < 0)
    return bool(np.abs(np.where(outward, 0.0, gradient)).max(initial=0.0) < LOOSE_GRADIENT)
