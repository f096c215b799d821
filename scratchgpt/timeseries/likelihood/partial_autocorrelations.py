"""The map from unconstrained numbers to the coefficients of a stationary autoregression."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.likelihood.step_down import is_exactly_stationary

# The recursion divides by the product of all 1 - r². A smaller product, or a smaller 1 - r², can be
# a rounding error.
ROUNDING = 1e-6


class PartialAutocorrelationsSaved(NamedTuple):
    r: Array  # (p,) the partial autocorrelations
    steps: list[Array]  # coefficients of order 0, 1, ..., p - 1


def coefficients_forward(z: Array) -> tuple[Array, PartialAutocorrelationsSaved]:
    r"""Compute the coefficients whose partial autocorrelations are :math:`r = \tanh z`.

    The Durbin-Levinson recursion goes from order k - 1 to order k:

    .. math:: \phi_i \leftarrow \phi_i - r_k\, \phi_{k-i} \quad (i < k) \qquad \phi_k = r_k

    An autoregression is stationary if and only if all its partial autocorrelations are between -1
    and 1 (Jones 1980, Technometrics 22; Barndorff-Nielsen and Schou 1973).

    Parameters
    ----------
    z : array (p,)

    Returns
    -------
    phi : array (p,)
    saved : PartialAutocorrelationsSaved
    """
    r = np.tanh(z)
    phi, steps = r[:0], []
    for k in range(len(r)):
        steps.append(phi)
        phi = np.concatenate([phi - r[k] * phi[::-1], r[k : k + 1]])
    return phi, PartialAutocorrelationsSaved(r, steps)


def coefficients_backward(dphi: Array, saved: PartialAutocorrelationsSaved) -> Array:
    """Compute the gradient of z: (p,)."""
    r, steps = saved
    dr = np.empty_like(r)
    for k in reversed(range(len(r))):
        inner = dphi[:-1]
        dr[k] = dphi[-1] - inner @ steps[k][::-1]
        dphi = inner - r[k] * inner[::-1]
    return dr * (1.0 - r * r)


def coefficients_inverse(phi: Array) -> Array:
    """Compute z from the coefficients of a stationary autoregression: (p,)."""
    return np.arctanh(_partial_autocorrelations(phi))


def is_stationary(phi: Array) -> bool:
    """Whether all roots of 1 - phi_1 z - ... lie outside the unit circle."""
    with np.errstate(all="ignore"):
        left = 1.0 - _partial_autocorrelations(phi) ** 2
    if left.prod() > ROUNDING and (left > 0).all():
        return True
    first = len(left) - 1 - int(np.argmax(~(left[::-1] > 0)))  # the recursion is valid up to it
    if left[first] < -ROUNDING and left[first + 1 :].prod() > ROUNDING:
        return False
    return is_exactly_stationary(phi)


def _partial_autocorrelations(phi: Array) -> Array:
    """Run the Durbin-Levinson recursion backwards: (p,)."""
    r = np.empty_like(phi)
    for k in reversed(range(len(phi))):
        r[k] = phi[k]
        rest = phi[:k]
        phi = (rest + r[k] * rest[::-1]) / (1.0 - r[k] * r[k])
    return r
