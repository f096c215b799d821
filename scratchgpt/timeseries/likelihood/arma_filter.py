"""Innovations of a stationary series without missing values, by the Chandrasekhar recursions."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.timeseries.likelihood.first_column import (
    FirstColumnSaved,
    first_column_backward,
    first_column_forward,
)
from scratchgpt.timeseries.likelihood.transition import advance, advance_backward


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
    ahead: Array  # (r,) the predicted state after the last step
    column: Array  # (r,) the first column of the state's stationary covariance
    first: FirstColumnSaved


def arma_filter_forward(
    w: Array, phi: Array, theta: Array
) -> tuple[tuple[Array, Array], ArmaFilterSaved]:
    r"""Compute the innovations and their variances, in units of the noise variance.

    This is the Kalman filter on Harvey's state of :math:`r = \max(p, q + 1)` elements, without the
    covariance P of the state. P starts at its stationary value, so all its increments have rank
    one, :math:`P_{t+1} - P_t = M_t W_t W_t^\top` (Morf, Sidhu and Kailath 1974, IEEE Transactions
    on Automatic Control 19). With T the companion matrix of phi and Z the first unit vector,

    .. math::
        v_t = w_t - Z a_t \qquad a_{t+1} = T a_t + G_t v_t / F_t \qquad x_t = Z W_t

    .. math::
        F_{t+1} = F_t + M_t x_t^2 \qquad G_{t+1} = G_t + M_t x_t\, T W_t

    .. math::
        M_{t+1} = M_t + M_t^2 x_t^2 / F_t \qquad W_{t+1} = T W_t - G_{t+1} x_t / F_{t+1}

    starting from :math:`F_1 = Z P Z^\top`, :math:`G_1 = W_1 = T P Z^\top` and
    :math:`M_1 = -1 / F_1`. The recursions are exact and cost O(r) per step, while the Kalman filter
    costs O(r²).

    Parameters
    ----------
    w : array (n,)
        A series with mean 0 and without missing values.
    phi : array (p,)
        Coefficients of a stationary autoregression.
    theta : array (q,)

    Returns
    -------
    v : array (n,)
    F : array (n,)
    saved : ArmaFilterSaved
    """
    column, first = first_column_forward(phi, theta)  # 1, 2
    ar, n, r = first.ar, len(w), len(first.ar)
    start = advance(column, ar)  # 3
    if use_kernels(w, ar):
        from scratchgpt.kernels.timeseries import arma_filter

        v, F, head, x, M, G, W, n_varying, a = arma_filter.forward(w, ar, start, column[0])
        return (v, F), ArmaFilterSaved(ar, v, F, head, x, M, G, W, n_varying, a, column, first)

    dtype = np.result_type(w, ar)
    v, F, head, x, M = np.empty((5, n), dtype)
    G, W = np.empty((2, n, r), dtype)
    a = np.zeros(r, dtype)
    F[0], G[0], W[0], M[0] = column[0], start, start, -1.0 / column[0]
    for t in range(n):
        head[t], x[t] = a[0], W[t, 0]
        v[t] = w[t] - head[t]  # 4
        a = advance(a, ar) + G[t] * (v[t] / F[t])  # 5
        if t + 1 < n:
            b = M[t] * x[t]
            ahead = advance(W[t], ar)
            F[t + 1] = F[t] + b * x[t]  # 6
            G[t + 1] = G[t] + b * ahead  # 7
            M[t + 1] = M[t] + b * b / F[t]  # 8
            W[t + 1] = ahead - G[t + 1] * (x[t] / F[t + 1])  # 9
    return (v, F), ArmaFilterSaved(ar, v, F, head, x, M, G, W, n, a, column, first)


def arma_filter_backward(
    dv: Array, dF: Array, saved: ArmaFilterSaved
) -> tuple[Array, Array, Array]:
    r"""Compute the gradients of w, phi and theta.

    The backward pass runs from the last step to the first. :math:`T^\top` shifts the gradient of a
    state by one position and puts :math:`\phi \cdot d` first.

    Parameters
    ----------
    dv, dF : array (n,)
    saved : ArmaFilterSaved
    """
    ar, column = saved.ar, saved.column
    if use_kernels(dv, dF, ar):
        from scratchgpt.kernels.timeseries import arma_filter

        dw, dar, dG, dW, dF_next, dM = arma_filter.backward(dv, dF, saved)
    else:
        dw, dar, dG, dW, dF_next, dM = _undo_steps(dv, dF, saved)
    dstart = dG + dW  # undoes 3
    dar = dar + dstart * column[0]
    dcolumn = advance_backward(dstart, ar)
    dcolumn[0] += dF_next + dM / (column[0] * column[0])

    dphi, dtheta = first_column_backward(dcolumn, saved.first)  # undoes 2 and 1
    return dw, dphi + dar[: len(dphi)], dtheta


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
            ahead = advance(W[t], ar)
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
            dW = advance_backward(dahead, ar)
            dW[0] += dx
        step = v[t] / F[t]
        dstep = da @ G[t]  # undoes 5
        dG = dG + da * step
        dar += da * head[t]
        dw[t] = dv[t] + dstep / F[t]  # undoes 4
        dF_next += dF[t] - dstep * step / F[t]
        da = advance_backward(da, ar)
        da[0] -= dw[t]
    return dw, dar, dG, dW, dF_next, dM
