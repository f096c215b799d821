"""The likelihood of a series with missing values, from that of the complete series."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.data.series_values import interpolated
from scratchgpt.timeseries.likelihood.arma_filter import (
    ArmaFilterSaved,
    arma_filter_backward,
    arma_filter_forward,
)
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.likelihood.integrate_out import (
    IntegrateOutSaved,
    integrate_out_backward,
    integrate_out_forward,
)


class FillSaved(NamedTuple):
    filters: list[ArmaFilterSaved]  # of the series, then of each column
    deviation: Array  # (n,) the standard deviations of the innovations
    u: Array  # (n, 1 + k) the whitened innovations of the series and of each column
    integral: IntegrateOutSaved


def fill(y: Array, d: int, D: int, s: int) -> tuple[Array, Array]:
    """Fill in missing values and return the differences, and those of each missing value.

    Returns
    -------
    w : array (n - d - s D,)
    columns : array (n - d - s D, k)
        The derivatives of w with respect to the k missing values.
    """
    missing = np.flatnonzero(np.isnan(y))
    values, columns = y.copy(), np.zeros((len(y), len(missing)))
    values[missing] = interpolated(y.real)[missing]
    columns[missing, np.arange(len(missing))] = 1.0
    return difference(values, d, D, s), difference(columns, d, D, s)


def fill_forward(
    w: Array, columns: Array, phi: Array, theta: Array
) -> tuple[tuple[Any, Any], FillSaved]:
    r"""Integrate the missing values out of the likelihood of the complete series.

    The innovations are linear in the missing values, so those of w and of each column give the
    integral exactly. k missing values cost k + 1 times as much as a complete series, whereas the
    Kalman filter costs O(r²) per step.

    Parameters
    ----------
    w, columns
        The results of :func:`fill`.
    phi : array (p,)
        Coefficients of a stationary autoregression.
    theta : array (q,)

    Returns
    -------
    squares, logs : scalar
        As in :func:`~scratchgpt.timeseries.likelihood.presample.presample_forward`.
    saved : FillSaved
    """
    columns = columns.astype(w.dtype)
    found = [arma_filter_forward(column, phi, theta) for column in (w, *columns.T)]  # 1
    F = found[0][0][1]
    deviation = np.sqrt(F)
    u = np.stack([v for (v, _), _ in found], axis=1) / deviation[:, None]  # 2
    (squares, logs), integral = integrate_out_forward(u[:, 0], u[:, 1:])  # 3
    filters = [saved for _, saved in found]
    return (squares, logs + np.log(F).sum()), FillSaved(filters, deviation, u, integral)


def fill_backward(dsquares: Any, dlogs: Any, saved: FillSaved) -> tuple[Array, Array, Array]:
    """Compute the gradients of w, phi and theta."""
    filters, deviation, u, integral = saved
    du = np.empty_like(u)
    du[:, 0], du[:, 1:] = integrate_out_backward(dsquares, dlogs, integral)  # undoes 3
    dF = (dlogs - 0.5 * (du * u).sum(axis=1)) / (deviation * deviation)
    dv = du / deviation[:, None]  # undoes 2
    dw, dphi, dtheta = arma_filter_backward(dv[:, 0].copy(), dF, filters[0])  # undoes 1
    for column, each in zip(dv.T[1:], filters[1:], strict=True):
        _, more_dphi, more_dtheta = arma_filter_backward(column.copy(), np.zeros_like(dF), each)
        dphi, dtheta = dphi + more_dphi, dtheta + more_dtheta
    return dw, dphi, dtheta
