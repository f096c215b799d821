"""The covariance of estimates: the inverse of the observed information."""

from collections.abc import Callable

import numpy as np

from scratchgpt.backend import Array


def parameter_covariance(score: Callable[[Array], Array], params: Array, steps: Array) -> Array:
    """Minus the inverse of the derivative of the score.

    Central differences of a gradient that is exact lose a third of the digits, where second
    differences of the log-likelihood, the usual way, lose half.

    Parameters
    ----------
    score : function of params (k,), the gradient of the log-likelihood (k,)
    params : (k,)
    steps : (k,)
        How far to step along each.

    Returns
    -------
    covariance : (k, k)
        NaN everywhere if the information is not positive definite: the estimate is then not at
        a maximum inside the parameter space, and has no such covariance.
    """
    k = len(params)
    hessian = np.empty((k, k))
    try:
        # At the edge a step may lead where there is no likelihood.
        with np.errstate(all="ignore"):
            for i, step in enumerate(steps):
                above, below = params.copy(), params.copy()
                above[i] += step
                below[i] -= step
                hessian[i] = (score(above) - score(below)) / (above[i] - below[i])
    except np.linalg.LinAlgError:
        return np.full((k, k), np.nan)
    information = -(hessian + hessian.T) / 2
    if not np.isfinite(information).all():
        return np.full((k, k), np.nan)
    # Parameters have units of their own: brought to a common size first.
    size = np.sqrt(np.abs(np.diag(information)))
    size[size == 0] = 1.0
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    if values[0] <= 1e-13 * values[-1]:
        return np.full((k, k), np.nan)
    return (vectors / values) @ vectors.T / np.outer(size, size)
