"""Innovations of a complete stationary series by the Chandrasekhar recursions."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.timeseries.autocovariance import (
    AutocovarianceSaved,
    autocovariance_backward,
    autocovariance_forward,
)


class ArmaFilterSaved(NamedTuple):
    ar: Array  # (r,) phi, then zeros
    v: Array  # (n,)
    F: Array  # (n,)
    head: Array  # (n,) the first element of the predicted state
    x: Array  # (n,) the first element of W
    M: Array  # (n,)
    G: Array  # (n, r) unscaled gains; row t of the first n_varying + 1 is that of step t
    W: Array  # (n, r) directions of the increments
    n_varying: int  # from this step on the gain is constant
    ahead: Array  # (r,) the state after the last step: predicted
    column: Array  # (r,) the first column of the state's stationary covariance
    autocovariance: AutocovarianceSaved


def arma_filter_forward(
    w: Array, phi: Array, theta: Array
) -> tuple[tuple[Array, Array], ArmaFilterSaved]:
    r"""Innovations and their variances, in units of the noise's variance.

    The Kalman filter on Harvey's state of :math:`r = \max(p, q + 1)` elements, without its
    covariance: P is stationary at first, so that its increment has rank one and keeps it,
    :math:`P_{t+1} - P_t = M_t W_t W_t^\top` (Morf, Sidhu and Kailath 1974, IEEE Transactions on
    Automatic Control 19). With T the companion matrix of phi and Z the first unit vector,

    .. math::
        v_t = w_t - Z a_t \qquad a_{t+1} = T a_t + G_t v_t / F_t \qquad x_t = Z W_t

    .. math::
        F_{t+1} = F_t + M_t x_t^2 \qquad G_{t+1} = G_t + M_t x_t\, T W_t

    .. math::
        M_{t+1} = M_t + M_t^2 x_t^2 / F_t \qquad W_{t+1} = T W_t - G_{t+1} x_t / F_{t+1}

    from :math:`F_1 = Z P Z^\top`, :math:`G_1 = W_1 = T P Z^\top` and :math:`M_1 = -1 / F_1`: O(r)
    a step, where the filter itself takes O(r²), and exact.

    Parameters
    ----------
    w : array (n,)
        A series of mean 0, complete.
    phi : array (p,)
        Coefficients of a stationary autoregression.
    theta : array (q,)

    Returns
    -------
    v : array (n,)
    F : array (n,)
    saved : ArmaFilterSaved
    """
    (gamma, psi), autocovariance = autocovariance_forward(phi, theta)  # 1
    n, r = len(w), max(len(phi), len(theta) + 1)
    ar, column = _column(phi, gamma, psi, autocovariance.weights)  # 2
    start = _advance(column, ar)  # 3
    if use_kernels(w, ar):
        from scratchgpt.kernels import arma_filter

        v, F, head, x, M, G, W, n_varying, a = arma_filter.forward(w, ar, start, column[0])
        return (v, F), ArmaFilterSaved(
            ar, v, F, head, x, M, G, W, n_varying, a, column, autocovariance
        )

    dtype = np.result_type(w, ar)
    v, F, head, x, M = np.empty((5, n), dtype)
    G, W = np.empty((2, n, r), dtype)
    a = np.zeros(r, dtype)
    F[0], G[0], W[0], M[0] = column[0], start, start, -1.0 / column[0]
    for t in range(n):
        head[t], x[t] = a[0], W[t, 0]
        v[t] = w[t] - head[t]  # 4
        a = _advance(a, ar) + G[t] * (v[t] / F[t])  # 5
        if t + 1 < n:
            b = M[t] * x[t]
            ahead = _advance(W[t], ar)
            F[t + 1] = F[t] + b * x[t]  # 6
            G[t + 1] = G[t] + b * ahead  # 7
            M[t + 1] = M[t] + b * b / F[t]  # 8
            W[t + 1] = ahead - G[t + 1] * (x[t] / F[t + 1])  # 9
    return (v, F), ArmaFilterSaved(ar, v, F, head, x, M, G, W, n, a, column, autocovariance)


def arma_filter_backward(
    dv: Array, dF: Array, saved: ArmaFilterSaved
) -> tuple[Array, Array, Array]:
    r"""Gradients in w, phi and theta.

    The steps are undone from the last to the first; :math:`T^\top` moves the gradient of a state
    up by one and puts :math:`\phi \cdot d` first.

    Parameters
    ----------
    dv, dF : array (n,)
    saved : ArmaFilterSaved
    """
    ar, column = saved.ar, saved.column
    if use_kernels(dv, dF, ar):
        from scratchgpt.kernels import arma_filter

        dw, dar, dG, dW, dF_next, dM = arma_filter.backward(dv, dF, saved)
    else:
        dw, dar, dG, dW, dF_next, dM = _undo_steps(dv, dF, saved)
    dstart = dG + dW  # undoes 3
    dar = dar + dstart * column[0]
    dcolumn = _advance_backward(dstart, ar)
    dcolumn[0] += dF_next + dM / (column[0] * column[0])

    phi, weights, gamma, psi, _ = saved.autocovariance
    from_column = _column_backward(dcolumn, phi, gamma, psi, weights)  # undoes 2
    dphi, dgamma, dpsi, dweights = from_column
    more_dphi, dtheta = autocovariance_backward(dgamma, dpsi, saved.autocovariance)  # undoes 1
    return dw, dar[: len(phi)] + dphi + more_dphi, dtheta + dweights[1:]


def _column(phi: Array, gamma: Array, psi: Array, weights: Array) -> tuple[Array, Array]:
    """phi as long as the state, and the state's covariances with its first element."""
    if use_kernels(phi, gamma, psi, weights):
        from scratchgpt.kernels import autocovariance

        return autocovariance.column(phi, gamma, psi, weights)

    p, q = len(phi), len(weights) - 1
    ar, column = np.zeros((2, max(p, q + 1)), psi.dtype)
    ar[:p] = phi
    column[: q + 1] = np.convolve(weights, psi[::-1])[q:]
    if p:
        column[:p] += np.convolve(phi, gamma[:0:-1])[p - 1 :]
        column[0] = gamma[0]
    return ar, column


def _column_backward(
    dcolumn: Array, phi: Array, gamma: Array, psi: Array, weights: Array
) -> tuple[Array, Array, Array, Array]:
    """Gradients in phi, gamma, psi and the weights."""
    if use_kernels(dcolumn, phi, gamma, psi, weights):
        from scratchgpt.kernels import autocovariance

        return autocovariance.column_backward(dcolumn, phi, gamma, psi, weights)

    p, q = len(phi), len(weights) - 1
    dphi, dgamma = np.zeros_like(phi), np.zeros_like(gamma)
    dright = dcolumn[: q + 1]
    if p:
        dgamma[0] = dcolumn[0]
        dright = dright.copy()
        dright[0] = 0.0
        inner = dcolumn[:p].copy()
        inner[0] = 0.0
        dphi += np.convolve(inner, gamma[1:])[:p]
        dgamma[1:] = np.convolve(phi, inner[::-1])[p - 1 :]
    dweights = np.convolve(dright, psi)[: q + 1]
    dpsi = np.convolve(weights, dright[::-1])[len(dright) - 1 :]
    return dphi, dgamma, dpsi, dweights


def _undo_steps(
    dv: Array, dF: Array, saved: ArmaFilterSaved
) -> tuple[Array, Array, Array, Array, complex, complex]:
    ar, v, F, head, x, M, G, W = saved[:8]
    n, r = G.shape
    dw = np.empty(n, v.dtype)
    dar, da, dG, dW = np.zeros((4, r), v.dtype)
    dF_next = dM = 0.0
    for t in reversed(range(n)):
        if t + 1 < n:
            b, ratio = M[t] * x[t], x[t] / F[t + 1]
            ahead = _advance(W[t], ar)
            dratio = -(dW @ G[t + 1])  # undoes 9
            dG = dG - ratio * dW
            dx = dratio / F[t + 1]
            dF_next -= dratio * ratio / F[t + 1]
            db = dM * 2.0 * b / F[t]  # undoes 8
            dF_here = -dM * b * b / (F[t] * F[t])
            db += dG @ ahead  # undoes 7
            dahead = dW + b * dG
            db += dF_next * x[t]  # undoes 6
            dx += dF_next * b
            dF_next += dF_here
            dM += db * x[t]
            dx += db * M[t]
            dar += dahead * x[t]
            dW = _advance_backward(dahead, ar)
            dW[0] += dx
        step = v[t] / F[t]
        dstep = da @ G[t]  # undoes 5
        dG = dG + da * step
        dar += da * head[t]
        dw[t] = dv[t] + dstep / F[t]  # undoes 4
        dF_next += dF[t] - dstep * step / F[t]
        da = _advance_backward(da, ar)
        da[0] -= dw[t]
    return dw, dar, dG, dW, dF_next, dM


def _advance(x: Array, ar: Array) -> Array:
    """T x."""
    out = ar * x[0]
    out[:-1] += x[1:]
    return out


def _advance_backward(dout: Array, ar: Array) -> Array:
    """T' dout."""
    return np.concatenate([[ar @ dout], dout[:-1]])
