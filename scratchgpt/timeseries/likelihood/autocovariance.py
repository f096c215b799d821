"""Autocovariances of an ARMA process, and its first moving average weights psi."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels


class AutocovarianceSaved(NamedTuple):
    phi: Array  # (p,)
    weights: Array  # (q + 1,) 1, theta
    gamma: Array  # (p + 1,)
    psi: Array  # (q + 1,)
    rows: Array  # (p + 1, p) the coefficients of order k at the start of row k


def autocovariance_forward(
    phi: Array, theta: Array
) -> tuple[tuple[Array, Array], AutocovarianceSaved]:
    r"""Compute the autocovariances at lags 0 to p, in units of sigma2, and :math:`\psi`.

    With :math:`\theta_0 = 1`, multiply the equation of the process by :math:`e_{t-j}` and by
    :math:`u_{t-j}` and take expectations (McLeod 1975, Applied Statistics 24):

    .. math::
        \psi_j = \theta_j + \sum_{k=1}^{\min(j, p)} \phi_k \psi_{j-k} \quad (j \le q)

    .. math::
        \gamma_j - \sum_{k=1}^{p} \phi_k \gamma_{|j-k|} = \sum_{k=j}^{q} \theta_k \psi_{k-j} = b_j
        \quad (0 \le j \le p)

    The system is solved by way of the partial autocorrelations :math:`r_k` (Wilson 1979, Journal of
    the Royal Statistical Society B 41). The autoregressions of lower orders, from the Durbin-
    Levinson recursion backwards, reduce its order one by one:

    .. math::
        b^{(k-1)}_j = \frac{b^{(k)}_j + r_k\, b^{(k)}_{k-j}}{1 - r_k^2} \quad (0 \le j < k) \qquad
        \gamma_k = b^{(k)}_k + \sum_{i=1}^{k} \phi^{(k)}_i \gamma_{k-i}

    This takes :math:`O(p^2)` time. Unlike a general solution of the system, it cannot fail.

    Parameters
    ----------
    phi : array (p,)
        Coefficients of a stationary autoregression.
    theta : array (q,)

    Returns
    -------
    gamma : array (p + 1,)
    psi : array (q + 1,)
    saved : AutocovarianceSaved
    """
    if use_kernels(phi, theta):
        from scratchgpt.kernels.timeseries import autocovariance

        weights, gamma, psi, rows = autocovariance.forward(phi, theta)
        return (gamma, psi), AutocovarianceSaved(phi, weights, gamma, psi, rows)

    p, q = len(phi), len(theta)
    weights = np.concatenate([np.ones(1, theta.dtype), theta])  # 1
    if p:
        psi = weights.astype(np.result_type(phi, theta))
        for j in range(1, q + 1):  # 2
            m = min(j, p)
            psi[j] += phi[:m] @ psi[j - m : j][::-1]
    else:
        psi = weights
    b = np.zeros(p + 1, psi.dtype)
    m = min(p, q) + 1
    b[:m] = np.convolve(weights, psi[::-1])[q : q + m]  # 3
    rows = np.zeros((p + 1, p), phi.dtype)
    gamma = np.empty(p + 1, psi.dtype)
    row = phi
    for k in range(p, 0, -1):  # 4
        rows[k, :k], gamma[k] = row, b[k]
        left = (1.0 - row[-1]) * (1.0 + row[-1])
        b = (b[:k] + row[-1] * b[k:0:-1]) / left
        row = (row[:-1] + row[-1] * row[:-1][::-1]) / left
    gamma[0] = b[0]
    for k in range(1, p + 1):  # 5
        gamma[k] += rows[k, :k] @ gamma[:k][::-1]
    return (gamma, psi), AutocovarianceSaved(phi, weights, gamma, psi, rows)


def autocovariance_backward(
    dgamma: Array, dpsi: Array, saved: AutocovarianceSaved
) -> tuple[Array, Array]:
    r"""Compute the gradients of phi and theta.

    Steps 4 and 5 solve a system :math:`A \gamma = b`. Their transpose, with constant coefficients
    of the lower orders, solves :math:`A^\top db = d\gamma`. The gradient of a solution is

    .. math:: d\phi_k = \sum_j db_j\, \gamma_{|j-k|}
    """
    phi, weights, gamma, psi, rows = saved
    if use_kernels(dgamma, dpsi, phi):
        from scratchgpt.kernels.timeseries import autocovariance

        return autocovariance.backward(dgamma, dpsi, *saved)

    p, q = len(phi), len(weights) - 1
    dphi, dpsi = np.zeros_like(phi), dpsi.copy()
    if p:
        dgamma = dgamma.copy()
        for k in range(p, 0, -1):  # undoes 5
            dgamma[:k] += dgamma[k] * rows[k, :k][::-1]
        db = dgamma[:1]
        for k in range(1, p + 1):  # undoes 4
            r = rows[k, k - 1]
            db = db / ((1.0 - r) * (1.0 + r))
            db = np.append(db, dgamma[k]) + r * np.append(0.0, db[::-1])
        lags = np.abs(np.arange(1, p + 1)[:, None] - np.arange(p + 1))
        dphi += gamma[lags] @ db
    else:
        db = dgamma
    db = db[: min(p, q) + 1]
    dweights = np.convolve(db, psi)[: q + 1]  # undoes 3
    dpsi += np.convolve(weights, db[::-1])[len(db) - 1 :]
    for j in range(q if p else 0, 0, -1):  # undoes 2
        m = min(j, p)
        dphi[:m] += dpsi[j] * psi[j - m : j][::-1]
        dpsi[j - m : j] += dpsi[j] * phi[:m][::-1]
    dweights += dpsi
    return dphi, dweights[1:]  # undoes 1
