"""The product of the non-seasonal and the seasonal polynomials."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array


class ExpandSaved(NamedTuple):
    ar: Array  # (p,)
    ma: Array  # (q,)
    seasonal_ar: Array  # (P,)
    seasonal_ma: Array  # (Q,)
    s: int


def expand_forward(
    ar: Array, ma: Array, seasonal_ar: Array, seasonal_ma: Array, s: int
) -> tuple[tuple[Array, Array], ExpandSaved]:
    r"""Compute the coefficients of the whole autoregression and moving average.

    .. math::
        1 - \sum_i \phi_i B^i = \Big(1 - \sum_i a_i B^i\Big) \Big(1 - \sum_j A_j B^{sj}\Big)
        \qquad
        1 + \sum_i \theta_i B^i = \Big(1 + \sum_i m_i B^i\Big) \Big(1 + \sum_j M_j B^{sj}\Big)

    Returns
    -------
    phi : array (p + s P,)
    theta : array (q + s Q,)
    saved : ExpandSaved
    """
    phi = -_product(-ar, -seasonal_ar, s)
    theta = _product(ma, seasonal_ma, s)
    return (phi, theta), ExpandSaved(ar, ma, seasonal_ar, seasonal_ma, s)


def expand_backward(
    dphi: Array, dtheta: Array, saved: ExpandSaved
) -> tuple[Array, Array, Array, Array]:
    """Compute the gradients of ar, ma, seasonal_ar and seasonal_ma."""
    ar, ma, seasonal_ar, seasonal_ma, s = saved
    dar, dseasonal_ar = _product_backward(-dphi, -ar, -seasonal_ar, s)
    dma, dseasonal_ma = _product_backward(dtheta, ma, seasonal_ma, s)
    return -dar, dma, -dseasonal_ar, dseasonal_ma


def _product(a: Array, b: Array, s: int) -> Array:
    """Compute (1 + a_1 B + ...) (1 + b_1 B^s + ...) without the leading 1."""
    if not len(b):
        return a
    out = np.zeros(len(a) + s * len(b), np.result_type(a, b))
    out[: len(a)] = a
    for j, value in enumerate(b):
        at = s * (j + 1)
        out[at - 1] += value
        out[at : at + len(a)] += value * a
    return out


def _product_backward(dout: Array, a: Array, b: Array, s: int) -> tuple[Array, Array]:
    da, db = dout[: len(a)].copy(), np.empty(len(b), dout.dtype)
    for j, value in enumerate(b):
        at = s * (j + 1)
        db[j] = dout[at - 1] + dout[at : at + len(a)] @ a
        da += value * dout[at : at + len(a)]
    return da, db
