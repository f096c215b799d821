"""Residuals of the conditional sum of squares (CSS)."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels


class CssSaved(NamedTuple):
    w: Array  # (n,)
    phi: Array  # (p,)
    theta: Array  # (q,)
    e: Array  # (n - p,)


def css_forward(w: Array, phi: Array, theta: Array) -> tuple[Array, CssSaved]:
    r"""Compute the residuals given the first p values (Box and Jenkins 1970).

    Earlier residuals are taken as 0.

    .. math:: e_t = w_t - \sum_i \phi_i w_{t-i} - \sum_j \theta_j e_{t-j}

    Parameters
    ----------
    w : array (n,)
    phi : array (p,)
    theta : array (q,)

    Returns
    -------
    e : array (n - p,)
    saved : CssSaved
    """
    p, q, n = len(phi), len(theta), len(w)
    if use_kernels(w, phi, theta):
        from scratchgpt.kernels.timeseries import css

        e = css.forward(w, phi, theta)
        return e, CssSaved(w, phi, theta, e)

    e = np.zeros(q + n - p, np.result_type(w, phi, theta))  # q zeros first
    for t in range(n - p):
        e[q + t] = w[p + t] - phi @ w[t : p + t][::-1] - theta @ e[t : q + t][::-1]
    return e[q:], CssSaved(w, phi, theta, e[q:])


def css_backward(de: Array, saved: CssSaved) -> tuple[Array, Array, Array]:
    """Compute the gradients of w, phi and theta from de (n - p,)."""
    w, phi, theta, e = saved
    if use_kernels(de, w, phi, theta):
        from scratchgpt.kernels.timeseries import css

        return css.backward(de, w, phi, theta, e)

    p, q = len(phi), len(theta)
    dw, dphi, dtheta = np.zeros_like(w), np.zeros_like(phi), np.zeros_like(theta)
    padded = np.concatenate([np.zeros(q, e.dtype), e])
    dpadded = np.concatenate([np.zeros(q, de.dtype), de])
    for t in reversed(range(len(e))):
        slope = dpadded[q + t]
        dw[p + t] += slope
        dphi -= slope * w[t : p + t][::-1]
        dw[t : p + t] -= slope * phi[::-1]
        dtheta -= slope * padded[t : q + t][::-1]
        dpadded[t : q + t] -= slope * theta[::-1]
    return dw, dphi, dtheta
