"""Forecasts from the final state of a series, and one-step predictions within it."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.forecasting.final_state import FinalState, final_state
from scratchgpt.timeseries.forecasting.unsettled import settled_after
from scratchgpt.timeseries.likelihood.transition import advance, advance_backward, observation
from scratchgpt.timeseries.orders import Orders


def forecast(
    params: Array, y: Array, design: Array, orders: Orders, steps: int, future_design: Array
) -> tuple[Array, Array]:
    r"""Forecast the ``steps`` values after the last: means and variances.

    The mean follows from the state without further noise. The forecast error at h steps has two
    parts. The error of the state, with covariance P, contributes the variance
    :math:`c_h P c_h^\top`, where the row :math:`c_h` maps the state to the value h steps ahead. The
    noise in between contributes :math:`\sum_{j < h} \psi_j^2`, where :math:`\psi_j` are the weights
    of the whole process, differences included. A value that depends on unknown starting values of
    the differences has no mean and an infinite variance.

    Parameters
    ----------
    params : array (k + p + q + P + Q + 1,)
    y : array (n,)
    design : array (n, k)
    orders : Orders
    steps : int
    future_design : array (steps, k)

    Returns
    -------
    mean, variance : array (steps,)
        NaN and infinite for values that depend on starting values that no observation determines.
    """
    end = final_state(params, y, design, orders)
    mean = _means(end, steps) + future_design @ params[: design.shape[1]]
    rows = _rows(end, steps)  # (steps, m)
    of_state = np.einsum("hi,ij,hj->h", rows, end.covariance, rows, optimize=True)
    of_noise = np.cumsum(noise_weights(end, steps) ** 2)
    variance = params[-1] * (np.maximum(of_state, 0.0) + of_noise)
    settled = settled_after(y, orders, steps)
    return np.where(settled, mean, np.nan), np.where(settled, variance, np.inf)


def one_step_predictions(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Array, Array]:
    """Predict each value from the values before it: means and variances.

    Returns
    -------
    mean, variance : array (n,)
        NaN and infinite until the starting values of the differences are determined.
    """
    end = final_state(params, y, design, orders)
    return end.mean, params[-1] * end.variance


def noise_weights(end: FinalState, steps: int) -> Array:
    """Compute the weight of a noise value in the value j steps later, j from 0: (steps,)."""
    from scipy.signal import lfilter

    impulse = np.zeros(steps)
    impulse[0] = 1.0
    weights = lfilter(end.noise, np.concatenate([[1.0], -end.ar]), impulse)
    return lfilter([1.0], np.concatenate([[1.0], -end.delta]), weights)


def _means(end: FinalState, steps: int) -> Array:
    r, n_diffuse = len(end.ar), len(end.delta)
    a = end.state[:r]
    latest = np.concatenate([end.state[r:][::-1], np.empty(steps)])  # the oldest first
    for h in range(steps):
        before = latest[h : h + n_diffuse][::-1]
        latest[n_diffuse + h] = a[0] + end.delta @ before
        a = advance(a, end.ar)
    return latest[n_diffuse:]


def _rows(end: FinalState, steps: int) -> Array:
    """Compute the rows that map the state to the values 1, 2, ... steps ahead: (steps, m)."""
    rows = np.empty((steps, len(end.state)))
    row = Z = observation(len(end.ar), end.delta)
    for h in range(steps):
        rows[h] = row
        row = advance_backward(row, end.ar, Z)
    return rows
