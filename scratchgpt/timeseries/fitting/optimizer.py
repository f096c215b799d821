"""SciPy's quasi-Newton search with an exact gradient, and what counts as having converged."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array

# The functions to minimize are means over the observations in units of nats, and the parameters
# have a size of about 1, so that a gradient of 1e-6 means 1e-12 nats an observation to gain where
# the curvature is 1, and 1e-9 where it is a thousandth.
GRADIENT = 1e-6
ENOUGH = 1e-4  # a search that stops for rounding errors has arrived if the gradient is below
EDGE = 7.0  # tanh(7) is 1 - 1.7e-6: further out nothing changes but rounding errors

Function = Callable[[Array], tuple[float, Array]]


class Search(NamedTuple):
    """Where a search ended.

    z : (size,)
    value : the function there
    converged : whether it is a stationary point
    message : why it ended
    n_iterations, n_evaluations
    """

    z: Array
    value: float
    converged: bool
    message: str
    n_iterations: int
    n_evaluations: int


def minimize(function: Function, z: Array, bounded: Array, max_iterations: int) -> Search:
    """Walk downhill from z by L-BFGS-B.

    Parameters
    ----------
    function : function of z, its value and its gradient (size,)
    z : (size,)
    bounded : bool (size,)
        Which elements are arguments of tanh, and stop at ``EDGE``.
    max_iterations : int
    """
    from scipy.optimize import minimize as scipy_minimize

    if not z.size:
        return Search(z, function(z)[0], True, "nothing to search for", 0, 1)
    edge = np.where(bounded, EDGE, np.inf)
    found = scipy_minimize(
        function,
        np.clip(z, -edge, edge),
        jac=True,
        method="L-BFGS-B",
        bounds=np.stack([-edge, edge], axis=1) if bounded.any() else None,
        options={"maxiter": max_iterations, "maxcor": 20, "ftol": 0.0, "gtol": GRADIENT},
    )
    outward = (found.x <= -edge) & (found.jac > 0) | (found.x >= edge) & (found.jac < 0)
    slope = np.abs(np.where(outward, 0.0, found.jac)).max(initial=0.0)
    converged = math.isfinite(found.fun) and bool(found.success or slope < ENOUGH)
    message = {
        0: "the gradient vanished",
        1: f"it was stopped after {found.nit} iterations; allow more with max_iterations",
    }.get(found.status, f"it found no lower point and stopped ({found.message})")
    return Search(found.x, float(found.fun), converged, message, int(found.nit), int(found.nfev))
