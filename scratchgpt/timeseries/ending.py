"""Where a series stands at its end: the state that its future starts from."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.arma_filter import ArmaFilterSaved
from scratchgpt.timeseries.diffuse import difference_coefficients
from scratchgpt.timeseries.kalman import KalmanSaved
from scratchgpt.timeseries.likelihood import log_likelihood_forward
from scratchgpt.timeseries.orders import Orders
from scratchgpt.timeseries.stationary_state import stationary_covariance_forward


class Ending(NamedTuple):
    """The state after the last observation, in units of the noise's variance.

    ar : (r,) phi, then zeros
    noise : (r,) 1, theta, then zeros
    delta : (n_diffuse,) the differencing, for the latest value first
    state : (m,) the prediction of the next: Harvey's r elements, then the latest values of the
        series less its regression, the latest first
    covariance : (m, m) of the errors of ``state``, without the noise of the next step
    mean, variance : (n,) one-step predictions and their variances; NaN and infinite where the
        start is not settled
    """

    ar: Array
    noise: Array
    delta: Array
    state: Array
    covariance: Array
    mean: Array
    variance: Array


def ending(params: Array, y: Array, design: Array, orders: Orders) -> Ending:
    """Run through the series, and keep what its future needs.

    Parameters
    ----------
    params : array (k + p + q + P + Q + 1,)
    y : array (n,)
        NaN where it is missing.
    design : array (n, k)
    orders : Orders
    """
    _, saved = log_likelihood_forward(params, y, design, orders)
    inner = saved.innovations.filter
    regression = design @ params[: design.shape[1]]
    s = max(orders.s, 1)
    if isinstance(inner, KalmanSaved):
        r = len(inner.ar)
        covariance = inner.covariance.copy()
        covariance[:r, :r] -= np.outer(inner.noise, inner.noise)
        mean = inner.mean + regression
        return Ending(*inner[:3], inner.state, covariance, mean, inner.variance)

    u = y - regression
    n_diffuse = orders.n_diffuse
    delta = difference_coefficients(orders.d, orders.D, s)
    noise = np.zeros_like(inner.ar)
    noise[: orders.n_ma + 1] = inner.autocovariance.weights
    r, m = len(noise), len(noise) + n_diffuse
    state = np.concatenate([inner.ahead, u[len(u) - n_diffuse :][::-1]])
    covariance = np.zeros((m, m))
    covariance[:r, :r] = _covariance_after(inner) - np.outer(noise, noise)
    mean, variance = y.copy(), np.full(len(y), np.inf)
    mean[n_diffuse:] -= inner.v
    mean[:n_diffuse] = np.nan
    variance[n_diffuse:] = inner.F
    return Ending(inner.ar, noise, delta, state, covariance, mean, variance)


def _covariance_after(inner: ArmaFilterSaved) -> Array:
    """Of the prediction of the next state: the stationary one and all increments, (r, r)."""
    phi, theta = inner.autocovariance.phi, inner.autocovariance.weights[1:]
    covariance, _ = stationary_covariance_forward(phi, theta)
    W, M = inner.W[: inner.n_varying], inner.M[: inner.n_varying]
    return covariance + (W.T * M) @ W
