"""Covariances of the state of a stationary ARMA process with the process itself."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.timeseries.likelihood.autocovariance import (
    AutocovarianceSaved,
    autocovariance_backward,
    autocovariance_forward,
)


class FirstColumnSaved(NamedTuple):
    ar: Array  # (r,) phi, then zeros
    noise: Array  # (r,) 1, theta, then zeros
    inner: AutocovarianceSaved


def first_column_forward(phi: Array, theta: Array) -> tuple[Array, FirstColumnSaved]:
    r"""Compute the first column, and so the first row, of the covariance P of Harvey's state.

    The j-th element of the state is a sum of past values of the process and of innovations, so

    .. math::
        P_{0,j} = \sum_{k > j} \phi_k \gamma_{k-j} + \sum_{k \ge j} R_k \psi_{k-j}

    where :math:`R = (1, \theta_1, \theta_2, \dots)`, :math:`\gamma` are the autocovariances, and
    :math:`\psi` are the weights of the process as a sum of innovations.

    Parameters
    ----------
    phi : array (p,)
        Coefficients of a stationary autoregression.
    theta : array (q,)

    Returns
    -------
    column : array (r,)
        :math:`r = \max(p, q + 1)`.
    saved : FirstColumnSaved
    """
    (gamma, psi), inner = autocovariance_forward(phi, theta)  # 1
    ar, noise = np.zeros((2, max(len(phi), len(theta) + 1)), psi.dtype)
    ar[: len(phi)] = phi
    noise[: len(theta) + 1] = inner.weights
    saved = FirstColumnSaved(ar, noise, inner)
    if use_kernels(ar, gamma, psi):
        from scratchgpt.kernels.timeseries import autocovariance

        return autocovariance.first_column(ar, noise, gamma, psi), saved

    return _correlation(ar, gamma[1:]) + _correlation(noise, psi), saved  # 2


def first_column_backward(dcolumn: Array, saved: FirstColumnSaved) -> tuple[Array, Array]:
    r"""Compute the gradients of phi and theta.

    .. math::
        d\phi_k = \sum_{j < k} dP_{0,j} \gamma_{k-j} \qquad
        dR_k = \sum_{j \le k} dP_{0,j} \psi_{k-j}

    The gradients of :math:`\gamma` and :math:`\psi` are propagated through the autocovariances.

    Parameters
    ----------
    dcolumn : array (r,)
    saved : FirstColumnSaved

    Returns
    -------
    dphi : array (p,)
    dtheta : array (q,)
    """
    ar, noise, inner = saved
    gamma, psi = inner.gamma, inner.psi
    if use_kernels(dcolumn, ar, gamma, psi):
        from scratchgpt.kernels.timeseries import autocovariance

        found = autocovariance.first_column_backward(dcolumn, ar, noise, gamma, psi)
    else:
        p, q = len(gamma) - 1, len(psi) - 1
        found = (  # undoes 2
            np.convolve(dcolumn, gamma[1:])[:p] if p else dcolumn[:0],
            np.convolve(dcolumn, psi)[: q + 1],
            np.append(0.0, _correlation(ar, dcolumn)[:p]),
            _correlation(noise, dcolumn)[: q + 1],
        )
    dphi, dnoise, dgamma, dpsi = found
    more_dphi, dtheta = autocovariance_backward(dgamma, dpsi, inner)  # undoes 1
    return dphi + more_dphi, dtheta + dnoise[1:]


def _correlation(x: Array, y: Array) -> Array:
    """Compute the sums over i of x[i + j] y[i] for all j (np.correlate would conjugate)."""
    if not len(y):
        return np.zeros_like(x)
    return np.convolve(x, y[::-1])[len(y) - 1 :][: len(x)]
