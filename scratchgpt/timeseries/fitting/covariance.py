"""Covariance of the estimates: the inverse of the observed information."""

from collections.abc import Callable

import numpy as np

from scratchgpt.backend import Array


def parameter_covariance(score: Callable[[Array], Array], params: Array, steps: Array) -> Array:
    """Compute minus the inverse of the derivative of the score.

    Central differences of an exact gradient lose a third of the digits. The usual method, second
    differences of the log-likelihood, loses half.

    Parameters
    ----------
    score : function of params (k,), the gradient of the log-likelihood (k,)
    params : (k,)
    steps : (k,)
        The step size for each parameter.

    Returns
    -------
    covariance : (k, k)
        All NaN if the information is not positive definite. The estimate is then not at a maximum
        inside the parameter space and has no such covariance.
    """
    k = len(params)
    hessian = np.empty((k, k))
    try:
        # Near the boundary, a step can leave the region in which the likelihood exists.
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
    # Parameters have different units, so scale them to a common size first.
    size = np.sqrt(np.abs(np.diag(information)))
    size[size == 0] = 1.0
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    if values[0] <= 1e-13 * values[-1]:
        return np.full((k, k), np.nan)
    return (vectors / values) @ vectors.T / np.outer(size, size)
