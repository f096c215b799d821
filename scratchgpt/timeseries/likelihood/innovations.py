"""The sums over the innovations of an integrated ARMA process, by the method that suits it."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.likelihood.arma_filter import (
    ArmaFilterSaved,
    arma_filter_backward,
    arma_filter_forward,
)
from scratchgpt.timeseries.likelihood.differencing import difference, difference_backward
from scratchgpt.timeseries.likelihood.diffuse import difference_coefficients, diffuse_steps
from scratchgpt.timeseries.likelihood.fill import FillSaved, fill, fill_backward, fill_forward
from scratchgpt.timeseries.likelihood.gaussian import SumsSaved, sums_backward, sums_forward
from scratchgpt.timeseries.likelihood.kalman import KalmanSaved, kalman_backward, kalman_forward
from scratchgpt.timeseries.likelihood.presample import (
    PresampleSaved,
    presample_backward,
    presample_forward,
)
from scratchgpt.timeseries.likelihood.step_down import process_variance

# The recursions start from the variance of the process and end at that of the noise. If the ratio
# of the two is larger than this, the reference loses more than nine digits of sixteen.
LARGEST_VARIANCE = 1e4
# Per missing value, the Kalman filter becomes slower than filling in at this size of the state.
STATE_PER_MISSING = 4

ON_CIRCLE = 1e-3  # rounding errors of a triple root are around 1e-5


class InnovationsSaved(NamedTuple):
    filter: ArmaFilterSaved | KalmanSaved | PresampleSaved | FillSaved
    sums: SumsSaved | None  # of the two filters whose innovations are independent
    observed: Array  # bool (n,)
    differences: tuple[int, int, int]  # d, D, s


class Sums(NamedTuple):
    """What the likelihood depends on.

    n : the number of innovations
    squares, logs : see :func:`~scratchgpt.timeseries.likelihood.gaussian.sums_forward`
    constant : the contribution of the diffuse steps to the log-likelihood
    """

    n: int
    squares: Any
    logs: Any
    constant: float = 0.0


def innovations_forward(
    u: Array, phi: Array, theta: Array, d: int, D: int, s: int
) -> tuple[Sums, InnovationsSaved]:
    """Compute the two sums over the innovations that the likelihood depends on.

    Parameters
    ----------
    u : array (n,)
        The series without its regression; NaN marks a missing value.
    phi, theta : array (p,), (q,)
    d, D, s : int
        Order of differencing, order of seasonal differencing, and seasonal period.

    Returns
    -------
    sums : Sums
        NaN if no method is exact: near several unit roots of the autoregression if the moving
        average is not invertible.
    saved : InnovationsSaved
    """
    observed = ~np.isnan(u)
    kept = observed, (d, D, s)
    n = int(np.count_nonzero(observed)) - d - s * D
    is_near_unit_roots = near_unit_roots(phi)
    if not is_near_unit_roots and not is_filled(observed, len(phi), len(theta), d, D, s):
        if observed.all():
            (v, F), inner = arma_filter_forward(difference(u, d, D, s), phi, theta)
            found, sums = sums_forward(v, F)
            return Sums(n, *found), InnovationsSaved(inner, sums, *kept)
        (v, F), kalman = kalman_forward(u, phi, theta, d, D, s)
        counted = ~np.isnan(F)
        found, sums = sums_forward(v[counted], F[counted])
        constant = -0.5 * kalman.steps.log_variance
        return Sums(n, *found, constant), InnovationsSaved(kalman, sums, *kept)

    w, columns = fill(u, d, D, s)
    if not is_near_unit_roots:
        found, filled = fill_forward(w, columns, phi, theta)
        return Sums(n, *found), InnovationsSaved(filled, None, *kept)
    found, presample = presample_forward(w, columns, phi, theta)
    if np.abs(np.roots(np.append(1.0, theta.real))).max(initial=0.0) > 1.0 + ON_CIRCLE:
        found = np.nan, np.nan  # the autoregression inside the moving average explodes
    return Sums(n, *found), InnovationsSaved(presample, None, *kept)


def innovations_backward(
    dsquares: Any, dlogs: Any, saved: InnovationsSaved
) -> tuple[Array, Array, Array]:
    """Compute the gradients of u, phi and theta."""
    inner, sums, observed, (d, D, s) = saved
    if isinstance(inner, KalmanSaved):
        counted = ~np.isnan(inner.F)
        dv, dF = np.zeros((2, len(observed)), inner.v.dtype)
        assert sums is not None
        dv[counted], dF[counted] = sums_backward(dsquares, dlogs, sums)
        return kalman_backward(dv, dF, inner)
    if isinstance(inner, ArmaFilterSaved):
        assert sums is not None
        dw, dphi, dtheta = arma_filter_backward(*sums_backward(dsquares, dlogs, sums), inner)
    elif isinstance(inner, FillSaved):
        dw, dphi, dtheta = fill_backward(dsquares, dlogs, inner)
    else:
        dw, dphi, dtheta = presample_backward(dsquares, dlogs, inner)
    du = difference_backward(dw, d, D, s)
    du[~observed] = 0.0  # the result does not depend on the values that were filled in
    return du, dphi, dtheta


def near_unit_roots(phi: Array) -> bool:
    """Whether the variance of an autoregression is too large for the recursions."""
    return not process_variance(phi) <= LARGEST_VARIANCE


def is_filled(observed: Array, p: int, q: int, d: int, D: int, s: int) -> bool:
    """Whether filling in the missing values is possible, and faster than the Kalman filter."""
    n_missing = len(observed) - int(np.count_nonzero(observed))
    if not 0 < n_missing <= max(p, q + 1) // STATE_PER_MISSING:
        return False
    return is_determined(observed, d, D, s)


def is_determined(observed: Array, d: int, D: int, s: int) -> bool:
    """Whether the observed values determine all starting values of the differences."""
    delta = difference_coefficients(d, D, s)
    return len(diffuse_steps(observed, delta).gains) == len(delta)
