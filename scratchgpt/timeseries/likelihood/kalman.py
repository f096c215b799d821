"""The Kalman filter for an integrated ARMA process with missing values, and its backward pass."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.timeseries.likelihood.diffuse import (
    MISSING,
    ORDINARY,
    DiffuseSteps,
    difference_coefficients,
    diffuse_steps,
)
from scratchgpt.timeseries.likelihood.stationary_state import (
    StationaryCovarianceSaved,
    stationary_covariance_backward,
    stationary_covariance_forward,
)
from scratchgpt.timeseries.likelihood.transition import advance, advance_backward, observation


class KalmanSaved(NamedTuple):
    ar: Array  # (r,) phi, then zeros
    noise: Array  # (r,) 1, theta, then zeros
    delta: Array  # (n_diffuse,)
    steps: DiffuseSteps
    v: Array  # (n,)
    F: Array  # (n,)
    seen: Array  # (n, m) M = P Z', the covariance of the state with the observation
    column: Array  # (n, m) the first column of the covariance of the filtered state
    head: Array  # (n,) the first element of the filtered state
    mean: Array  # (n,) one-step predictions; NaN if they depend on unknown start values
    variance: Array  # (n,) variances of ``mean``; infinite if it is NaN
    state: Array  # (m,) the predicted state after the last step
    covariance: Array  # (m, m) the covariance of ``state``
    stationary: StationaryCovarianceSaved


def kalman_forward(
    y: Array, phi: Array, theta: Array, d: int = 0, D: int = 0, s: int = 1
) -> tuple[tuple[Array, Array], KalmanSaved]:
    r"""Compute the innovations of an ARIMA process and their variances, in units of sigma2.

    The state has :math:`m = r + d + sD` elements. The first r are Harvey's state of the ARMA
    process :math:`u_t` (see
    :func:`~scratchgpt.timeseries.likelihood.stationary_state.stationary_covariance_forward`). The
    others are the latest values of the series, which determine
    :math:`y_t = u_t + \delta_1 y_{t-1} + \delta_2 y_{t-2} + \dots`. With the predicted state a and
    its covariance P, a step is

    .. math::
        v_t = y_t - Z a \qquad M = P Z' \qquad F_t = Z M \qquad K = M / F_t

    .. math::
        a \leftarrow a + K v_t \qquad P \leftarrow P - K M' - M K' + F_t K K'

    .. math::
        a \leftarrow T a \qquad P \leftarrow T P T' + R R'

    A missing value skips the second line. A diffuse step uses a different gain K, which depends on
    no parameter (see :func:`~scratchgpt.timeseries.likelihood.diffuse.diffuse_steps`), so the
    second line holds for any K. After the third line, an observed :math:`y_t` is one of the latest
    values, and its covariance is 0. In exact arithmetic this follows from the equations. The code
    sets it to 0, because in a long gap rounding errors would grow like the variances.

    Parameters
    ----------
    y : array (n,)
        NaN marks a missing value.
    phi : array (p,)
        Coefficients of a stationary autoregression.
    theta : array (q,)
    d, D, s : int
        Order of differencing, order of seasonal differencing, and seasonal period.

    Returns
    -------
    v : array (n,)
        Innovations; 0 at a missing value or a diffuse step.
    F : array (n,)
        Variances of the innovations; NaN at a missing value or a diffuse step.
    saved : KalmanSaved
        Its size is O(n m): the backward pass needs only columns of the covariances.
    """
    delta = difference_coefficients(d, D, s)
    steps = diffuse_steps(~np.isnan(y), delta)
    start, stationary = stationary_covariance_forward(phi, theta)  # 1
    ar, noise = stationary.ar, stationary.noise
    if use_kernels(y, ar, only=np.float64):
        from scratchgpt.kernels.timeseries import kalman

        found = kalman.forward(y, steps.kinds, steps.gains, ar, noise, delta, start)
    else:
        found = _do_steps(y, steps, ar, noise, delta, start)
    v, F, seen, column, head, mean, variance, a, P = found
    mean[~steps.settled] = np.nan
    variance[~steps.settled] = np.inf
    saved = KalmanSaved(
        ar, noise, delta, steps, v, F, seen, column, head, mean, variance, a, P, stationary
    )
    return (v, F), saved


def kalman_backward(dv: Array, dF: Array, saved: KalmanSaved) -> tuple[Array, Array, Array]:
    r"""Compute the gradients of y, phi and theta.

    The backward pass runs from the last step to the first. :math:`da` and the symmetric :math:`dP`
    are the gradients of the state and covariance that a step passes to the next:

    .. math::
        d\phi \mathrel{+}= da\, a_0 + 2\, dP\, T P e_0 \qquad dR \mathrel{+}= 2\, dP\, R \qquad
        da \leftarrow T' da \qquad dP \leftarrow T'\, dP\, T

    .. math::
        dM = -2\, dP K + dK / F_t \qquad
        dF_t \mathrel{+}= K' dP K - K' dK / F_t \qquad
        dv_t \mathrel{+}= K' da \qquad dK = da\, v_t

    .. math::
        dM \mathrel{+}= Z' dF_t \qquad
        dP \mathrel{+}= \tfrac12 (dM Z + Z' dM') \qquad
        dy_t = dv_t \qquad da \mathrel{-}= Z' dv_t

    The derivative of P with respect to K does not appear because it is 0: K is the gain that
    minimizes P, and at :math:`K = M / F_t` the terms :math:`-2\, dP M + 2 F_t\, dP K` cancel.

    Parameters
    ----------
    dv, dF : array (n,)
        Ignored at missing values and diffuse steps.
    saved : KalmanSaved

    Returns
    -------
    dy : array (n,)
        0 for missing values.
    dphi : array (p,)
    dtheta : array (q,)
    """
    if use_kernels(dv, dF, saved.ar, only=np.float64):
        from scratchgpt.kernels.timeseries import kalman_backward as kernel

        dy, dar, dnoise, dstart = kernel.backward(dv, dF, saved)
    else:
        dy, dar, dnoise, dstart = _undo_steps(dv, dF, saved)
    dphi, dtheta = stationary_covariance_backward(dstart, saved.stationary)  # undoes 1
    return dy, dphi + dar[: len(dphi)], dtheta + dnoise[1 : len(dtheta) + 1]


def _do_steps(
    y: Array, steps: DiffuseSteps, ar: Array, noise: Array, delta: Array, start: Array
) -> tuple[Array, ...]:
    r, m, n = len(ar), len(ar) + len(delta), len(y)
    Z = observation(r, delta)
    v, F = np.zeros(n, ar.dtype), np.full(n, np.nan, ar.dtype)
    mean, variance, head = np.empty((3, n), ar.dtype)
    seen, column = np.empty((2, n, m), ar.dtype)
    a, P = np.zeros(m, ar.dtype), np.zeros((m, m), ar.dtype)
    P[:r, :r] = start
    for t in range(n):
        mean[t] = Z @ a
        M = P @ Z  # 2
        variance[t] = Z @ M  # 3
        if steps.kinds[t] != MISSING:
            surprise = y[t] - mean[t]  # 4
            if steps.kinds[t] == ORDINARY:
                v[t], F[t] = surprise, variance[t]
                K = M / F[t]  # 5
            else:
                K = _diffuse_gain(steps, t, r)
            a = a + K * surprise  # 6
            P = P - np.outer(K, M) - np.outer(M, K) + variance[t] * np.outer(K, K)  # 7
        seen[t], column[t], head[t] = M, P[:, 0], a[0]
        a = advance(a, ar, Z)  # 8
        P = advance(advance(P, ar, Z).T, ar, Z)  # 9
        P[:r, :r] += np.outer(noise, noise)  # 10
        if steps.kinds[t] != MISSING and len(delta):  # 11: y_t is known
            a[r], P[r], P[:, r] = y[t], 0.0, 0.0
    return v, F, seen, column, head, mean, variance, a, P


def _undo_steps(dv: Array, dF: Array, saved: KalmanSaved) -> tuple[Array, Array, Array, Array]:
    ar, noise, delta, steps = saved.ar, saved.noise, saved.delta, saved.steps
    r, m, n = len(ar), len(ar) + len(delta), len(saved.v)
    Z = observation(r, delta)
    dy = np.zeros(n, ar.dtype)
    dar, dnoise = np.zeros((2, r), ar.dtype)
    da, dP = np.zeros(m, ar.dtype), np.zeros((m, m), ar.dtype)
    for t in reversed(range(n)):
        if steps.kinds[t] != MISSING and len(delta):  # undoes 11
            dy[t] = da[r]
            da[r], dP[r], dP[:, r] = 0.0, 0.0, 0.0
        dnoise += 2.0 * (dP[:r, :r] @ noise)  # undoes 10
        dar += 2.0 * (dP[:r] @ advance(saved.column[t], ar, Z))  # undoes 9
        dar += da[:r] * saved.head[t]  # undoes 8
        dP = advance_backward(advance_backward(dP, ar, Z).T, ar, Z)
        da = advance_backward(da, ar, Z)

        M = saved.seen[t]
        dM, dvariance = np.zeros(m, ar.dtype), 0.0
        if steps.kinds[t] != MISSING:
            K = M / saved.F[t] if steps.kinds[t] == ORDINARY else _diffuse_gain(steps, t, r)
            along = dP @ K
            dM -= 2.0 * along  # undoes 7
            dvariance += K @ along
            dsurprise = K @ da  # undoes 6
            if steps.kinds[t] == ORDINARY:
                dK = da * saved.v[t]
                dM += dK / saved.F[t]  # undoes 5
                dvariance += dF[t] - (K @ dK) / saved.F[t]
                dsurprise += dv[t]
            dy[t] += dsurprise  # undoes 4
            da -= Z * dsurprise
        dM += Z * dvariance  # undoes 3
        half = np.outer(0.5 * dM, Z)
        dP += half + half.T  # undoes 2
    return dy, dar, dnoise, dP[:r, :r]


def _diffuse_gain(steps: DiffuseSteps, t: int, r: int) -> Array:
    """Return the gain K of a diffuse step, (m,). It changes only the unknown start values."""
    return np.concatenate((np.zeros(r), steps.gains[steps.kinds[t]]))
