"""The covariance of a stationary ARMA process's state (Gardner, Harvey and Phillips 1980)."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.autocovariance import (
    AutocovarianceSaved,
    autocovariance_backward,
    autocovariance_forward,
)


class StationaryCovarianceSaved(NamedTuple):
    ar: Array  # (r,) phi, then zeros
    noise: Array  # (r,) 1, theta, then zeros
    gamma: Array  # (p + 1,)
    psi: Array  # (q + 1,)
    first: Array  # (r,) the first row of the covariance
    inner: AutocovarianceSaved


def stationary_covariance_forward(
    phi: Array, theta: Array
) -> tuple[Array, StationaryCovarianceSaved]:
    r"""Covariance of Harvey's state of an ARMA process whose innovations have variance 1.

    The state :math:`a_t` has :math:`r = \max(p, q + 1)` elements, the first of which is the
    process itself, :math:`u_t`:

    .. math::
        a_{t+1} = T a_t + R\, e_{t+1} \qquad
        T a = \phi\, a_0 + (a_1, \dots, a_{r-1}, 0) \qquad R = (1, \theta_1, \theta_2, \dots)

    so that its covariance solves the Lyapunov equation :math:`P = T P T' + R R'`. Written out
    along a diagonal, that equation needs nothing but the first row of P besides the element below
    and to the right:

    .. math::
        P_{i,j} = P_{i+1,j+1} + \phi_{i+1} P_{0,j+1} + \phi_{j+1} P_{0,i+1}
                  + \phi_{i+1} \phi_{j+1} P_{0,0} + R_i R_j

    And the first row follows from what the j-th element of the state is made of, past values of
    the process and of the innovations:

    .. math::
        P_{0,j} = \sum_{k > j} \phi_k \gamma_{k-j} + \sum_{k \ge j} R_k \psi_{k-j}

    with :math:`\gamma` the autocovariances and :math:`\psi` the weights of the process as a sum
    of innovations. This takes :math:`O(r^2)` work and memory where a Kronecker product takes a
    system of :math:`r^2` equations.

    Parameters
    ----------
    phi : array (p,)
        Coefficients of a stationary autoregression.
    theta : array (q,)

    Returns
    -------
    covariance : array (r, r)
    saved : StationaryCovarianceSaved
    """
    (gamma, psi), inner = autocovariance_forward(phi, theta)  # 1
    size = max(len(phi), len(theta) + 1)
    ar, noise = np.zeros((2, size), phi.dtype)
    ar[: len(phi)] = phi
    noise[0] = 1.0
    noise[1 : len(theta) + 1] = theta

    first = _correlation(ar, gamma[1:]) + _correlation(noise, psi)  # 2
    following = np.append(first[1:], 0.0)
    covariance = np.empty((size, size), phi.dtype)
    below = np.zeros(size + 1, phi.dtype)
    for i in reversed(range(size)):  # 3
        covariance[i] = below[1:] + ar[i] * following + ar * following[i]
        covariance[i] += ar[i] * ar * first[0] + noise[i] * noise
        below[:-1] = covariance[i]
    saved = StationaryCovarianceSaved(ar, noise, gamma, psi, first, inner)
    return covariance, saved


def stationary_covariance_backward(
    dcovariance: Array, saved: StationaryCovarianceSaved
) -> tuple[Array, Array]:
    r"""Gradients of :func:`stationary_covariance_forward`.

    What reaches an element goes on to the one below and to the right of it. With G those sums
    along the diagonals and :math:`S = G + G'`, the rest of the recursion is quadratic forms:

    .. math::
        d\phi = S\,(\phi P_{0,0} + (P_{0,1}, \dots, P_{0,r-1}, 0)) \qquad
        dP_{0,j+1} = (S \phi)_j \qquad dP_{0,0} = \tfrac12 \phi' S \phi \qquad dR = S R

    Parameters
    ----------
    dcovariance : array (r, r)
    saved : StationaryCovarianceSaved

    Returns
    -------
    dphi : array (p,)
    dtheta : array (q,)
    """
    ar, noise, gamma, psi, first, inner = saved
    n_ar, n_ma = len(gamma) - 1, len(psi) - 1
    following = np.append(first[1:], 0.0)

    sums = dcovariance.copy()  # undoes 3
    for i in range(1, len(ar)):
        sums[i, 1:] += sums[i - 1, :-1]
    sums += sums.T
    dar = sums @ (ar * first[0] + following)
    dnoise = sums @ noise
    dfollowing = sums @ ar
    dfirst = np.append(0.5 * (ar @ dfollowing), dfollowing[:-1])

    dgamma = np.append(0.0, _correlation(ar, dfirst)[:n_ar])  # undoes 2
    dpsi = _correlation(noise, dfirst)[: n_ma + 1]
    dar += np.convolve(dfirst, gamma[1:])[: len(ar)] if n_ar else 0.0
    dnoise += np.convolve(dfirst, psi)[: len(ar)]

    dphi, dtheta = autocovariance_backward(dgamma, dpsi, inner)  # undoes 1
    return dphi + dar[:n_ar], dtheta + dnoise[1 : n_ma + 1]


def _correlation(x: Array, y: Array) -> Array:
    """The sums over i of x[i + j] y[i], for every j (not np.correlate, which conjugates)."""
    if not len(y):
        return np.zeros_like(x)
    return np.convolve(x, y[::-1])[len(y) - 1 :][: len(x)]
