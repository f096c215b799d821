"""The state at the end of a series, from which forecasts and simulations start."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.likelihood.arma_filter import ArmaFilterSaved, arma_filter_forward
from scratchgpt.timeseries.likelihood.css import css_forward
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.likelihood.diffuse import difference_coefficients
from scratchgpt.timeseries.likelihood.innovations import near_unit_roots
from scratchgpt.timeseries.likelihood.kalman import kalman_forward
from scratchgpt.timeseries.likelihood.likelihood import coefficients_forward
from scratchgpt.timeseries.likelihood.partial_autocorrelations import is_stationary
from scratchgpt.timeseries.likelihood.presample import presample_filter, presample_forward
from scratchgpt.timeseries.likelihood.stationary_state import stationary_covariance_forward
from scratchgpt.timeseries.orders import Orders


class FinalState(NamedTuple):
    """The predicted state after the last observation, with variances in units of sigma2.

    ar : (r,) phi, then zeros
    noise : (r,) 1, theta, then zeros
    delta : (n_diffuse,) coefficients of the differencing, for the latest value first
    state : (m,) the prediction of the next state: Harvey's r elements, then the latest values of
        the series minus its regression, the latest first
    covariance : (m, m) covariance of the errors of ``state``, without the noise of the next step
    mean, variance : (n,) one-step predictions and their variances; NaN and infinite until the
        diffuse starting values are determined
    """

    ar: Array
    noise: Array
    delta: Array
    state: Array
    covariance: Array
    mean: Array
    variance: Array


def final_state(params: Array, y: Array, design: Array, orders: Orders) -> FinalState:
    """Filter the series and return the state after its last value.

    Parameters
    ----------
    params : array (k + p + q + P + Q + 1,)
    y : array (n,)
        NaN marks a missing value.
    design : array (n, k)
    orders : Orders
    """
    beta, (phi, theta), factors = coefficients_forward(params[:-1], design, orders)
    regression, s = design @ beta, max(orders.s, 1)
    delta = difference_coefficients(orders.d, orders.D, s)
    if not (is_stationary(factors.ar) and is_stationary(factors.seasonal_ar)):
        w = difference(y - regression, orders.d, orders.D, s)
        return _explosive(y, y - regression, w, phi, theta, delta)

    u = y - regression
    if np.isnan(y).any():
        _, kalman = kalman_forward(u, phi, theta, orders.d, orders.D, s)
        r = len(kalman.ar)
        covariance = kalman.covariance.copy()
        covariance[:r, :r] -= np.outer(kalman.noise, kalman.noise)
        mean = kalman.mean + regression
        return FinalState(
            kalman.ar, kalman.noise, delta, kalman.state, covariance, mean, kalman.variance
        )

    w = difference(u, orders.d, orders.D, s)
    if near_unit_roots(phi):
        r = max(len(phi), len(theta) + 1)
        _, presample = presample_forward(w, np.zeros((len(w), 0)), phi, theta)
        v, F, ahead, covariance = presample_filter(presample, r)
        ar, noise = np.zeros((2, r))
        ar[: len(phi)] = phi
        noise[0], noise[1 : len(theta) + 1] = 1.0, theta
        return _complete(y, u, ar, noise, delta, ahead, covariance, v, F)

    (v, F), inner = arma_filter_forward(w, phi, theta)
    noise = inner.first.noise
    covariance = _covariance_after(inner, phi, theta) - np.outer(noise, noise)
    return _complete(y, u, inner.ar, noise, delta, inner.ahead, covariance, v, F)


def _complete(
    y: Array,
    u: Array,
    ar: Array,
    noise: Array,
    delta: Array,
    ahead: Array,
    covariance: Array,
    v: Array,
    F: Array,
) -> FinalState:
    """Build the final state of a series without missing values, whose latest values are known.

    v and F are the innovations and variances of the last ``len(v)`` values.
    """
    r, m = len(ar), len(ar) + len(delta)
    state = np.concatenate([ahead, u[len(u) - len(delta) :][::-1]])
    whole = np.zeros((m, m))
    whole[:r, :r] = covariance
    n_unsettled = len(y) - len(v)
    mean, variance = y.copy(), np.full(len(y), np.inf)
    mean[n_unsettled:] -= v
    mean[:n_unsettled] = np.nan
    variance[n_unsettled:] = F
    return FinalState(ar, noise, delta, state, whole, mean, variance)


def _explosive(y: Array, u: Array, w: Array, phi: Array, theta: Array, delta: Array) -> FinalState:
    """Compute the final state of a non-stationary process from the residuals of the CSS.

    A non-stationary process has no stationary distribution, so the first values are taken as given.
    The state is then known exactly: element i is the contribution of the past to the value i steps
    ahead.
    """
    e, _ = css_forward(w, phi, theta)
    r = max(len(phi), len(theta) + 1)
    ar, noise, ahead = np.zeros((3, r))
    ar[: len(phi)] = phi
    noise[0], noise[1 : len(theta) + 1] = 1.0, theta
    for coefficients, past in ((phi, w), (theta, e)):
        for i in range(len(coefficients)):
            latest = past[::-1][: len(coefficients) - i]
            ahead[i] += coefficients[i : i + len(latest)] @ latest
    end = _complete(y, u, ar, noise, delta, ahead, np.zeros((r, r)), e, np.ones_like(e))
    if np.isnan(end.state).any():
        raise UserError(
            "the autoregression is not stationary, and the values after the series depend on "
            "missing values; fill them in, or fit a stationary model"
        )
    return end


def _covariance_after(inner: ArmaFilterSaved, phi: Array, theta: Array) -> Array:
    """Add all increments to the stationary covariance: the covariance of the next state, (r, r)."""
    covariance, _ = stationary_covariance_forward(phi, theta)
    W, M = inner.W[: inner.n_varying], inner.M[: inner.n_varying]
    return covariance + (W.T * M) @ W
