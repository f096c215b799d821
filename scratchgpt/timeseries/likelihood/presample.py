"""The exact likelihood near several unit roots, by regression on the values before the series."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.likelihood.integrate_out import (
    IntegrateOutSaved,
    integrate_out_backward,
    integrate_out_forward,
)
from scratchgpt.timeseries.likelihood.step_down import (
    StepDownSaved,
    step_down_backward,
    step_down_forward,
)


class PresampleSaved(NamedTuple):
    phi: Array  # (p,)
    theta: Array  # (q,)
    x: Array  # (q + n, 1 + m) the autoregression, as a function of the m unknowns
    u: Array  # (q + n, 1 + m) its whitened innovations
    deviation: Array  # (q + n,) the standard deviations of its innovations
    step_down: StepDownSaved
    integral: IntegrateOutSaved


def presample_forward(
    w: Array, columns: Array, phi: Array, theta: Array
) -> tuple[tuple[Any, Any], PresampleSaved]:
    r"""Compute the two sums over the innovations that the likelihood depends on.

    An ARMA process is a moving average of an autoregression, :math:`w_t = x_t + \sum_k \theta_k
    x_{t-k}` with :math:`x_t = \sum_i \phi_i x_{t-i} + e_t`. Given the q values of x before the
    series, w determines x. The density of x is that of independent innovations. The predictions of
    the first p values of x have lower orders:

    .. math:: u_t = \Big(x_t - \sum_{i \le \min(t, p)} \phi^{(t)}_i x_{t-i}\Big) \Big/ \sqrt{D_t}

    The innovations are linear in the q unknown values, which are integrated out. In units of the
    noise variance, with :math:`u = u^0 + U s`,

    .. math::
        \sum_t v_t^2 / F_t = \min_s \|u^0 + U s\|^2 \qquad
        \sum_t \log F_t = \sum_t \log D_t + \log |U' U|

    Near unit roots, the variance of the process is huge. The Kalman filter and the Chandrasekhar
    recursions subtract most of it and lose digits. Here, nothing is subtracted from it.

    Parameters
    ----------
    w : array (n,)
        A series with mean 0.
    columns : array (n, k)
        Regressors whose coefficients are unknown, with a flat density.
    phi : array (p,)
        Coefficients of a stationary autoregression.
    theta : array (q,)
        Coefficients of an invertible moving average.

    Returns
    -------
    squares, logs : scalar
    saved : PresampleSaved
    """
    n, p, q = len(w), len(phi), len(theta)
    N, first = q + n, min(p, q + n)
    driving = np.zeros((N, 1 + q + columns.shape[1]), np.result_type(w, columns, phi, theta))
    driving[q:, 0], driving[q:, 1 + q :] = w, columns
    driving[np.arange(q), np.arange(q) + 1] = 1.0
    x = _invert(theta, driving)  # 1
    (steps, logs_D), step_down = step_down_forward(phi)  # 2
    u, deviation = x.copy(), np.ones(N, logs_D.dtype)
    deviation[:first] = np.exp(0.5 * logs_D[:first])
    for i in range(1, first + 1):  # 3
        u[p:] -= phi[i - 1] * x[p - i : N - i]
    for t in range(first):
        u[t] = (x[t] - steps[t] @ x[:t][::-1]) / deviation[t]
    (squares, logs), integral = integrate_out_forward(u[:, 0], u[:, 1:])  # 4
    saved = PresampleSaved(phi, theta, x, u, deviation, step_down, integral)
    return (squares, logs + logs_D[:first].sum()), saved


def presample_backward(
    dsquares: Any, dlogs: Any, saved: PresampleSaved
) -> tuple[Array, Array, Array]:
    """Compute the gradients of w, phi and theta."""
    phi, theta, x, u, deviation, step_down, integral = saved
    p, q, N, first = len(phi), len(theta), len(u), min(len(phi), len(u))
    du = np.empty_like(u)
    du[:, 0], du[:, 1:] = integrate_out_backward(dsquares, dlogs, integral)  # undoes 4

    dlogs_D = np.zeros(p, u.dtype)
    dlogs_D[:first] = dlogs - 0.5 * (du[:first] * u[:first]).sum(axis=1)
    du /= deviation[:, None]
    dx, dphi = du.copy(), np.zeros(p, u.dtype)
    for i in range(1, first + 1):  # undoes 3
        dx[p - i : N - i] -= phi[i - 1] * du[p:]
        dphi[i - 1] -= (du[p:] * x[p - i : N - i]).sum()
    dsteps = [np.zeros(t, u.dtype) for t in range(p)]
    for t in range(first):
        dsteps[t] = -(x[:t][::-1] @ du[t])
        dx[:t] -= np.outer(step_down.steps[t][::-1], du[t])
    dphi += step_down_backward(dsteps, dlogs_D, step_down)  # undoes 2

    ddriving = _invert(theta, dx[::-1])[::-1]  # undoes 1
    dtheta = np.array([-(ddriving[k:] * x[: N - k]).sum() for k in range(1, q + 1)], u.dtype)
    return ddriving[q:, 0], dphi, dtheta


class PresampleFilter(NamedTuple):
    v: Array  # (n,) the innovations
    F: Array  # (n,) their variances, in units of the noise variance
    ahead: Array  # (r,) the predicted state after the last step
    covariance: Array  # (r, r) the covariance of its error, without the noise of the next step


def presample_filter(saved: PresampleSaved, r: int) -> PresampleFilter:
    """Compute the predictions of a series without other unknowns, for results that are real.

    Parameters
    ----------
    saved : PresampleSaved
    r : int
        The size of Harvey's state.
    """
    phi, theta, x, u, deviation = saved[:5]
    q, n = len(theta), len(u) - len(theta)
    v, F = np.empty(n), np.empty(n)
    triangle = np.column_stack([np.linalg.qr(u[:q, 1:]).R, np.zeros(q)])
    for t in range(n):
        row = u[q + t]
        unknown = np.linalg.solve(triangle[:, :q], -triangle[:, q])
        v[t] = deviation[q + t] * (row[0] + row[1:] @ unknown)
        reach = np.linalg.solve(triangle[:, :q].T, row[1:])
        F[t] = deviation[q + t] ** 2 * (1.0 + reach @ reach)
        triangle = np.linalg.qr(np.vstack([triangle, np.append(row[1:], row[0])])).R[:q]

    # Continue x without noise, then undo the autoregression, for values 0, 1, ... steps ahead.
    longer = np.vstack([x, np.zeros((r, 1 + q))])
    for t in range(len(x), len(longer)):
        order = min(len(phi), t)
        step = phi if order == len(phi) else saved.step_down.steps[order]
        longer[t] = step @ longer[t - order : t][::-1]
    later = longer[len(x) :].copy()
    for k in range(1, q + 1):
        later += theta[k - 1] * longer[len(x) - k : len(longer) - k]
    state = later.copy()
    for i in range(1, min(len(phi), r - 1) + 1):
        state[i:] -= phi[i - 1] * later[: r - i]
    error = state[:, 1:] @ saved.integral.to_unit
    return PresampleFilter(v, F, state @ np.append(1.0, saved.integral.unknown), error @ error.T)


def _invert(theta: Array, driving: Array) -> Array:
    """Solve x_t + theta_1 x_{t-1} + ... = driving_t for x, column by column."""
    from scipy.signal import lfilter

    return lfilter([1.0], np.append(1.0, theta), driving, axis=0)
