"""The covariance of the state of a stationary ARMA process (Gardner, Harvey and Phillips 1980)."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.likelihood.first_column import (
    FirstColumnSaved,
    first_column_backward,
    first_column_forward,
)


class StationaryCovarianceSaved(NamedTuple):
    ar: Array  # (r,) phi, then zeros
    noise: Array  # (r,) 1, theta, then zeros
    first: Array  # (r,) the first row of the covariance
    inner: FirstColumnSaved


def stationary_covariance_forward(
    phi: Array, theta: Array
) -> tuple[Array, StationaryCovarianceSaved]:
    r"""Compute the covariance of Harvey's state of an ARMA process with innovation variance 1.

    The state :math:`a_t` has :math:`r = \max(p, q + 1)` elements. The first one is the process
    itself, :math:`u_t`:

    .. math::
        a_{t+1} = T a_t + R\, e_{t+1} \qquad
        T a = \phi\, a_0 + (a_1, \dots, a_{r-1}, 0) \qquad R = (1, \theta_1, \theta_2, \dots)

    Its covariance solves the Lyapunov equation :math:`P = T P T' + R R'`. Written out along a
    diagonal, the equation for an element needs only the element below and to the right of it and
    the first row of P:

    .. math::
        P_{i,j} = P_{i+1,j+1} + \phi_{i+1} P_{0,j+1} + \phi_{j+1} P_{0,i+1}
                  + \phi_{i+1} \phi_{j+1} P_{0,0} + R_i R_j

    The first row comes from
    :func:`~scratchgpt.timeseries.likelihood.first_column.first_column_forward`. The recursion takes
    :math:`O(r^2)` time and memory, while the solution by a Kronecker product needs a system of
    :math:`r^2` equations.

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
    first, inner = first_column_forward(phi, theta)  # 1
    ar, noise, size = inner.ar, inner.noise, len(inner.ar)
    following = np.append(first[1:], 0.0)
    covariance = np.empty((size, size), ar.dtype)
    below = np.zeros(size + 1, ar.dtype)
    for i in reversed(range(size)):  # 2
        covariance[i] = below[1:] + ar[i] * following + ar * following[i]
        covariance[i] += ar[i] * ar * first[0] + noise[i] * noise
        below[:-1] = covariance[i]
    return covariance, StationaryCovarianceSaved(ar, noise, first, inner)


def stationary_covariance_backward(
    dcovariance: Array, saved: StationaryCovarianceSaved
) -> tuple[Array, Array]:
    r"""Compute the gradients of phi and theta.

    The gradient of an element is propagated to the element below and to the right of it. Let G be
    the sums along the diagonals and :math:`S = G + G'`. The rest of the recursion consists of
    quadratic forms:

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
    ar, noise, first, inner = saved
    following = np.append(first[1:], 0.0)

    sums = dcovariance.copy()  # undoes 2
    for i in range(1, len(ar)):
        sums[i, 1:] += sums[i - 1, :-1]
    sums += sums.T
    dar = sums @ (ar * first[0] + following)
    dnoise = sums @ noise
    dfollowing = sums @ ar
    dfirst = np.append(0.5 * (ar @ dfollowing), dfollowing[:-1])

    dphi, dtheta = first_column_backward(dfirst, inner)  # undoes 1
    return dphi + dar[: len(dphi)], dtheta + dnoise[1 : len(dtheta) + 1]
