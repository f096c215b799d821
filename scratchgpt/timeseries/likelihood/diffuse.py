"""Exact diffuse initialization: the steps in which observations determine unknown start values."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array

MISSING, ORDINARY = -2, -1  # kinds of steps; 0, 1, ... are rows of ``gains``

# Relative to the largest element: rounding errors are around 1e-15, real values far above this.
NEGLIGIBLE = 1e-9


class DiffuseSteps(NamedTuple):
    kinds: Array  # (n,) MISSING, ORDINARY or the row of ``gains`` for this step
    gains: Array  # (k, n_diffuse) change of the latest values, latest first, per unit of innovation
    settled: Array  # (n,) whether the one-step prediction is independent of unknown start values
    log_variance: float  # the sum of log F_inf over the diffuse steps


def difference_coefficients(d: int, D: int, s: int) -> Array:
    r""":math:`\delta` (d + sD,): the differences of y are :math:`y_t - \sum_k \delta_k y_{t-k}`."""
    polynomial = np.ones(1)
    for lag in [1] * d + [s] * D:
        polynomial = np.convolve(polynomial, [1.0, *[0.0] * (lag - 1), -1.0])
    return -polynomial[1:]


def diffuse_steps(observed: Array, delta: Array) -> DiffuseSteps:
    r"""Find the observations that determine the starting values, and the filter gains for them.

    An integrated series :math:`y_t = u_t + \sum_k \delta_k y_{t-k}` starts from unknown values
    :math:`y_0, y_{-1}, \dots` with covariance :math:`\kappa I`, :math:`\kappa \to \infty`. In the
    limit the filter tracks the two terms of :math:`\kappa P^\infty + P^*` separately (Koopman 1997;
    Durbin and Koopman 2012, section 5.2). In a diffuse step, :math:`F^\infty = Z P^\infty Z'` is
    above 0. The observation then carries no information about the process. It reduces the rank of
    :math:`P^\infty` by one, with the gain :math:`P^\infty Z' / F^\infty`. All other steps are
    ordinary.

    The diffuse steps depend only on :math:`\delta` and on which values are missing, not on the
    parameters of the process or the values of the series. No gradient flows through them, so they
    are computed here once for each pattern of missing values. :math:`P^\infty = A A'` is stored as
    A. Each observation rotates the columns of A so that it depends only on the first one, which is
    then known and dropped. This keeps the rank exact, and avoids squaring numbers that must be
    distinguished from 0.

    Parameters
    ----------
    observed : array (n,) of bool
    delta : array (n_diffuse,)
        Coefficients of the differencing, for the latest value first.

    Returns
    -------
    steps : DiffuseSteps
        Treat as read-only: the arrays are cached and shared between calls.
    """
    observed = np.ascontiguousarray(observed, np.bool_)
    delta = np.ascontiguousarray(delta, np.float64)
    return _steps(observed.tobytes(), delta.tobytes())


@lru_cache(maxsize=8)
def _steps(observed_bytes: bytes, delta_bytes: bytes) -> DiffuseSteps:
    observed = np.frombuffer(observed_bytes, np.bool_)
    delta = np.frombuffer(delta_bytes)
    kinds = np.where(observed, ORDINARY, MISSING)
    settled = np.ones(len(observed), np.bool_)
    gains: list[Array] = []
    variances: list[float] = []

    unknown = np.eye(len(delta))  # A (n_diffuse, rank)
    nothing = NEGLIGIBLE * np.abs(delta).sum()
    for t in range(len(observed)):
        if not unknown.shape[1]:
            break
        seen = delta @ unknown  # (rank,) how y_t depends on the unknown values
        size = float(np.sqrt(seen @ seen))
        settled[t] = size <= nothing
        if observed[t] and not settled[t]:
            kinds[t] = len(gains)
            gains.append(unknown @ seen / size**2)
            variances.append(size**2)
            unknown = _without(unknown, seen, size)
        # y_t becomes the latest of the values that y_{t+1} depends on.
        latest = np.zeros(unknown.shape[1]) if observed[t] else delta @ unknown
        unknown = np.concatenate((latest[None], unknown[:-1]))
        nothing = max(nothing, NEGLIGIBLE * np.abs(delta).sum() * size)
    table = np.array(gains).reshape(len(gains), len(delta))
    return DiffuseSteps(kinds, table, settled, float(np.log(variances).sum()))


def _without(unknown: Array, seen: Array, size: float) -> Array:
    """Reflect A (Householder) so that ``seen`` is along the first column, and drop that column."""
    mirror = seen.copy()
    mirror[0] += np.copysign(size, seen[0])
    reflected = unknown - np.outer(unknown @ mirror, mirror * (2.0 / (mirror @ mirror)))
    return reflected[:, 1:]
