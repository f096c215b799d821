"""Exact diffuse initialisation: what observations tell about starting values nobody knows."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array

MISSING, ORDINARY = -2, -1  # kinds of steps; 0, 1, ... are rows of ``gains``

# What should be 0 is around 1e-15 of the largest element, what should not is far above this.
NOTHING = 1e-9


class DiffuseSteps(NamedTuple):
    kinds: Array  # (n,) MISSING, ORDINARY or the row of ``gains`` that serves this step
    gains: Array  # (k, n_diffuse) per unit of surprise, for the latest value first
    settled: Array  # (n,) whether the one-step prediction is free of what nobody knows
    log_variance: float  # the sum of log F_inf over the diffuse steps


def difference_coefficients(d: int, D: int, s: int) -> Array:
    r""":math:`\delta` (d + sD,): the differences of y are :math:`y_t - \sum_k \delta_k y_{t-k}`."""
    polynomial = np.ones(1)
    for lag in [1] * d + [s] * D:
        polynomial = np.convolve(polynomial, [1.0, *[0.0] * (lag - 1), -1.0])
    return -polynomial[1:]


def diffuse_steps(observed: Array, delta: Array) -> DiffuseSteps:
    r"""Which observations are used up to settle the starting values, and how.

    An integrated series :math:`y_t = u_t + \sum_k \delta_k y_{t-k}` starts from values
    :math:`y_0, y_{-1}, \dots` of which nothing is known: their covariance is
    :math:`\kappa I` with :math:`\kappa \to \infty`. In the limit the filter keeps
    :math:`\kappa P^\infty + P^*` apart (Koopman 1997; Durbin and Koopman 2012, section 5.2). An
    observation whose :math:`F^\infty = Z P^\infty Z'` is above 0 tells nothing about the process
    but takes one from the rank of :math:`P^\infty`, with the gain
    :math:`P^\infty Z' / F^\infty`; any other is an ordinary one.

    The parameters of the process have no part in this, nor have the values of the series: it
    depends on :math:`\delta` and on what is missing, and no gradient flows through it. So it is
    worked out here, once for a pattern. :math:`P^\infty = A A'` is kept as A, whose columns an
    observation rotates so that it sees only the first of them, which is then known and dropped:
    that makes the rank an exact number, and squares nothing that is to be told from 0.

    Parameters
    ----------
    observed : array (n,) of bool
    delta : array (n_diffuse,)
        Coefficients of the differencing, for the latest value first.

    Returns
    -------
    steps : DiffuseSteps
        To be read only: it is shared with later calls.
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
    nothing = NOTHING * np.abs(delta).sum()
    for t in range(len(observed)):
        if not unknown.shape[1]:
            break
        seen = delta @ unknown  # (rank,) how y_t depends on what is unknown
        size = float(np.sqrt(seen @ seen))
        settled[t] = size <= nothing
        if observed[t] and not settled[t]:
            kinds[t] = len(gains)
            gains.append(unknown @ seen / size**2)
            variances.append(size**2)
            unknown = _without(unknown, seen, size)
        # y_t becomes the latest of the values that the next one depends on.
        latest = np.zeros(unknown.shape[1]) if observed[t] else delta @ unknown
        unknown = np.concatenate((latest[None], unknown[:-1]))
        nothing = max(nothing, NOTHING * np.abs(delta).sum() * size)
    table = np.array(gains).reshape(len(gains), len(delta))
    return DiffuseSteps(kinds, table, settled, float(np.log(variances).sum()))


def _without(unknown: Array, seen: Array, size: float) -> Array:
    """A in columns of which ``seen`` is the first, by a Householder reflection; without it."""
    mirror = seen.copy()
    mirror[0] += np.copysign(size, seen[0])
    reflected = unknown - np.outer(unknown @ mirror, mirror * (2.0 / (mirror @ mirror)))
    return reflected[:, 1:]
