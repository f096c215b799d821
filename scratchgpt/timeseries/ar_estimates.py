"""The three classical estimates of an autoregression, for all orders up to one."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.diagnostics.correlation import autocovariances, durbin_levinson


class Estimate(NamedTuple):
    """An autoregression of one order k."""

    ar: Array  # (k,)
    bse: Array  # (k,)
    mean: float
    sigma2: float


def yule_walker(y: Array, max_order: int) -> list[Estimate]:
    r"""The autoregressions whose autocovariances are those of the series (divided by n).

    The variance is that of the process which has them, :math:`\gamma_0 \prod_k (1 -
    \alpha_k^2)` with the partial autocorrelations; R's ``ar.yw`` multiplies it by n / (n - k - 1).

    Parameters
    ----------
    y : array (n,)
    max_order : int

    Returns
    -------
    list of Estimate
        Of the orders 0 to ``max_order``.
    """
    covariances = autocovariances(y, max_order)
    coefficients, variances = durbin_levinson(covariances)
    rows = [np.empty(0), *(coefficients[k, : k + 1] for k in range(max_order))]
    return _estimates(y, covariances, rows, variances)


def burg(y: Array, max_order: int) -> list[Estimate]:
    """The autoregressions whose errors are least forwards and backwards in time (Burg 1975).

    One partial autocorrelation after the other is chosen, the earlier ones kept; the variance
    shrinks by each, as in R's ``ar.burg(var.method=1)``.

    Parameters
    ----------
    y, max_order
        As of :func:`yule_walker`.

    Returns
    -------
    list of Estimate
    """
    forward = backward = y - y.mean()
    ar = np.empty(0)
    rows, variances = [ar], [float(np.mean(forward**2))]
    for _ in range(max_order):
        forward, backward = forward[1:], backward[:-1]
        both = forward @ forward + backward @ backward
        partial = 2 * (forward @ backward) / both if both > 0 else 0.0
        forward, backward = forward - partial * backward, backward - partial * forward
        ar = np.append(ar - partial * ar[::-1], partial)
        rows.append(ar)
        variances.append(variances[-1] * (1 - partial**2))
    return _estimates(y, autocovariances(y, max_order), rows, np.array(variances))


def least_squares(y: Array, max_order: int) -> list[Estimate]:
    """The regressions on a constant and the past, over the last n - ``max_order`` observations.

    The variance is the mean square of their residuals, as in R's ``ar.ols`` and statsmodels'
    ``AutoReg``.

    Parameters
    ----------
    y, max_order
        As of :func:`yule_walker`.

    Returns
    -------
    list of Estimate

    Raises
    ------
    UserError
        If the series follows its past without error.
    """
    level = y.mean()
    centred = y - level  # so that the constant is nearly orthogonal to the past
    n = y.size - max_order
    past = [centred[max_order - i : y.size - i] for i in range(1, max_order + 1)]
    design = np.column_stack([np.ones(n), *past])
    target = centred[max_order:]
    found = []
    for k in range(max_order + 1):
        q, r = np.linalg.qr(design[:, : k + 1])
        resid = target - q @ (q.T @ target)
        # Either the past predicts exactly, or parts of it are functions of each other.
        left = np.append(np.abs(np.diag(r))[1:], np.abs(resid).max())
        if left.min() <= 1e-12 * np.abs(centred).max():
            raise UserError(
                f"endog is an exact function of its last {k} values; there is nothing to estimate"
            )
        beta = np.linalg.solve(r, q.T @ target)
        sigma2 = float(resid @ resid / n)
        bse = np.sqrt(sigma2) * np.linalg.norm(np.linalg.inv(r), axis=1)
        mean = level + beta[0] / (1 - beta[1:].sum())
        found.append(Estimate(beta[1:], bse[1:], float(mean), sigma2))
    return found


def _estimates(y: Array, covariances: Array, rows: list[Array], variances: Array) -> list[Estimate]:
    """With the standard errors of the theory, sigma2 / n times the inverse of the covariances."""
    from scipy.linalg import toeplitz

    found = []
    for ar, sigma2 in zip(rows, variances, strict=True):
        inverse = np.linalg.inv(toeplitz(covariances[: ar.size])) if ar.size else np.empty((0, 0))
        bse = np.sqrt(sigma2 / y.size * np.diag(inverse))
        found.append(Estimate(ar, bse, float(y.mean()), float(sigma2)))
    return found
