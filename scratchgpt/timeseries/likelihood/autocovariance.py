"""Autocovariances of an ARMA process, and its first moving average weights psi."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels


class AutocovarianceSaved(NamedTuple):
    phi: Array  # (p,)
    weights: Array  # (q + 1,) 1, theta
    gamma: Array  # (p + 1,)
    psi: Array  # (q + 1,)
    system: Array  # (p + 1, p + 1)


def autocovariance_forward(
    phi: Array, theta: Array
) -> tuple[tuple[Array, Array], AutocovarianceSaved]:
    r"""Compute the autocovariances at lags 0 to p, in units of sigma2, and :math:`\psi`.

    With :math:`\theta_0 = 1`, multiply the equation of the process by :math:`e_{t-j}` and by
    :math:`u_{t-j}` and take expectations (McLeod 1975, Applied Statistics 24):

    .. math::
        \psi_j = \theta_j + \sum_{k=1}^{\min(j, p)} \phi_k \psi_{j-k} \quad (j \le q)

    .. math::
        \gamma_j - \sum_{k=1}^{p} \phi_k \gamma_{|j-k|} = \sum_{k=j}^{q} \theta_k \psi_{k-j}
        \quad (0 \le j \le p)

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

    Raises
    ------
    numpy.linalg.LinAlgError
        If the system is singular, as on the edge of stationarity.
    """
    if use_kernels(phi, theta):
        from scratchgpt.kernels.timeseries import autocovariance

        weights, gamma, psi, system = autocovariance.forward(phi, theta)
        return (gamma, psi), AutocovarianceSaved(phi, weights, gamma, psi, system)

    p, q = len(phi), len(theta)
    weights = np.concatenate([np.ones(1, theta.dtype), theta])  # 1
    if p:
        psi = weights.astype(np.result_type(phi, theta))
        for j in range(1, q + 1):  # 2
            m = min(j, p)
            psi[j] += phi[:m] @ psi[j - m : j][::-1]
    else:
        psi = weights
    right = np.zeros(p + 1, psi.dtype)
    m = min(p, q) + 1
    right[:m] = np.convolve(weights, psi[::-1])[q : q + m]  # 3
    system = _system(phi)  # 4
    gamma = np.linalg.solve(system, right) if p else right  # 5
    return (gamma, psi), AutocovarianceSaved(phi, weights, gamma, psi, system)


def autocovariance_backward(
    dgamma: Array, dpsi: Array, saved: AutocovarianceSaved
) -> tuple[Array, Array]:
    r"""Compute the gradients of phi and theta.

    The backward pass solves the transposed system: with :math:`A^\top \lambda = d\gamma`,

    .. math:: d\phi_k = \sum_j \lambda_j \gamma_{|j-k|}
    """
    phi, weights, gamma, psi, system = saved
    if use_kernels(dgamma, dpsi, phi):
        from scratchgpt.kernels.timeseries import autocovariance

        return autocovariance.backward(dgamma, dpsi, *saved)

    p, q = len(phi), len(weights) - 1
    dphi, dpsi = np.zeros_like(phi), dpsi.copy()
    if p:
        dright = np.linalg.solve(system.T, dgamma)  # undoes 5
        lags = np.abs(np.arange(1, p + 1)[:, None] - np.arange(p + 1))
        dphi += gamma[lags] @ dright  # undoes 4
    else:
        dright = dgamma
    dright = dright[: min(p, q) + 1]
    dweights = np.convolve(dright, psi)[: q + 1]  # undoes 3
    dpsi += np.convolve(weights, dright[::-1])[len(dright) - 1 :]
    for j in range(q if p else 0, 0, -1):  # undoes 2
        m = min(j, p)
        dphi[:m] += dpsi[j] * psi[j - m : j][::-1]
        dpsi[j - m : j] += dpsi[j] * phi[:m][::-1]
    dweights += dpsi
    return dphi, dweights[1:]  # undoes 1


def _system(phi: Array) -> Array:
    """Build the matrix of the equations for gamma: identity - Toeplitz - Hankel, (p + 1, p + 1)."""
    p = len(phi)
    padded = np.zeros(3 * p + 2, phi.dtype)
    padded[p + 1 : 2 * p + 1] = phi  # padded[p + k] is phi_k, and 0 for k outside of 1 to p
    row, column = np.arange(p + 1)[:, None], np.arange(p + 1)
    system = np.eye(p + 1) - padded[p + row - column]
    system[:, 1:] -= padded[p + row + column[1:]]
    return system
