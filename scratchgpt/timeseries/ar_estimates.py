"""Yule-Walker, Burg and least-squares estimates of autoregressions, for a range of orders."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.diagnostics.correlation import autocovariances, durbin_levinson


class Estimate(NamedTuple):
    """The estimated autoregression of one order k."""

    ar: Array  # (k,)
    bse: Array  # (k,)
    mean: float
    sigma2: float


def yule_walker(y: Array, max_order: int) -> list[Estimate]:
    r"""Estimate autoregressions by the Yule-Walker equations.

    The autocovariances of the estimated process equal those of the series (with divisor n). Its
    noise variance is :math:`\gamma_0 \prod_k (1 - \alpha_k^2)`, where :math:`\alpha_k` are the
    partial autocorrelations; R's ``ar.yw`` multiplies it by n / (n - k - 1).

    Parameters
    ----------
    y : array (n,)
    max_order : int

    Returns
    -------
    list of Estimate
        One for each order from 0 to ``max_order``.
    """
    covariances = autocovariances(y, max_order)
    coefficients, variances = durbin_levinson(covariances)
    rows = [np.empty(0), *(coefficients[k, : k + 1] for k in range(max_order))]
    return _estimates(y, covariances, rows, variances)


def burg(y: Array, max_order: int) -> list[Estimate]:
    """Estimate autoregressions by Burg's method (Burg 1975).

    Each partial autocorrelation in turn minimizes the sum of squared prediction errors forwards and
    backwards in time, with the earlier ones fixed. Each one reduces the noise variance, as in R's
    ``ar.burg(var.method=1)``.

    Parameters
    ----------
    y, max_order
        As in :func:`yule_walker`.

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
    """Estimate autoregressions by least squares on a constant and the past values.

    All orders use the last n - ``max_order`` observations. The noise variance is the mean square of
    the residuals, as in R's ``ar.ols`` and statsmodels' ``AutoReg``.

    Parameters
    ----------
    y, max_order
        As in :func:`yule_walker`.

    Returns
    -------
    list of Estimate

    Raises
    ------
    UserError
        If the past values predict the series exactly.
    """
    level = y.mean()
    centered = y - level  # so that the constant is nearly orthogonal to the past
    n = y.size - max_order
    past = [centered[max_order - i : y.size - i] for i in range(1, max_order + 1)]
    design = np.column_stack([np.ones(n), *past])
    target = centered[max_order:]
    found = []
    for k in range(max_order + 1):
        q, r = np.linalg.qr(design[:, : k + 1])
        resid = target - q @ (q.T @ target)
        # If one of these is 0, the past predicts exactly or the lags are linearly dependent.
        left = np.append(np.abs(np.diag(r))[1:], np.abs(resid).max())
        if left.min() <= 1e-12 * np.abs(centered).max():
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
    """Add the asymptotic standard errors, from sigma2 / n times the inverse autocovariances."""
    from scipy.linalg import toeplitz

    found = []
    for ar, sigma2 in zip(rows, variances, strict=True):
        inverse = np.linalg.inv(toeplitz(covariances[: ar.size])) if ar.size else np.empty((0, 0))
        bse = np.sqrt(sigma2 / y.size * np.diag(inverse))
        found.append(Estimate(ar, bse, float(y.mean()), float(sigma2)))
    return found
