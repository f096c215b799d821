"""Simulation of series from a model."""

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.timeseries.forecasting.final_state import FinalState, final_state
from scratchgpt.timeseries.forecasting.unsettled import settled_after
from scratchgpt.timeseries.likelihood.differencing import undifference
from scratchgpt.timeseries.likelihood.likelihood import coefficients_forward
from scratchgpt.timeseries.likelihood.stationary_state import stationary_covariance_forward
from scratchgpt.timeseries.likelihood.transition import advance
from scratchgpt.timeseries.orders import Orders


def simulate(params: Array, design: Array, orders: Orders, seed: int) -> Array:
    """Simulate a series from its first value: (n,).

    The differences start from their stationary distribution. The series itself starts at the level
    of the regression, because its unknown values before the first are taken as 0.

    Parameters
    ----------
    params : array (k + p + q + P + Q + 1,)
    design : array (n, k)
    orders : Orders
    seed : int
    """
    rng, s = random_stream(seed, "simulate"), max(orders.s, 1)
    beta, (phi, theta), _ = coefficients_forward(params[:-1], design, orders)
    covariance, saved = stationary_covariance_forward(phi, theta)
    later = advance(_draw(rng, covariance), saved.ar)  # the predicted state of the next step
    w = _arma(rng, len(design), saved.ar, saved.noise, later) * params[-1] ** 0.5
    before = np.zeros(orders.n_diffuse)
    u = undifference(w, before, orders.d, orders.D, s)[orders.n_diffuse :]
    return u + design @ beta


def simulate_future(
    params: Array, y: Array, design: Array, orders: Orders, future_design: Array, seed: int
) -> Array:
    """Simulate the ``steps`` values that follow the series y: (steps,).

    A value that depends on starting values that no observation determines is NaN.

    Parameters
    ----------
    params, y, design, orders
        As in :func:`scratchgpt.timeseries.forecasting.forecasting.forecast`.
    future_design : array (steps, k)
    seed : int
    """
    rng = random_stream(seed, "simulate", "future")
    end: FinalState = final_state(params, y, design, orders)
    r, n_diffuse, steps = len(end.ar), len(end.delta), len(future_design)
    scale = params[-1] ** 0.5
    state = end.state + scale * _draw(rng, end.covariance)
    w = _arma(rng, steps, end.ar, end.noise, state[:r] / scale) * scale
    u = undifference(w, state[r:][::-1], orders.d, orders.D, max(orders.s, 1))
    values = u[n_diffuse:] + future_design @ params[: design.shape[1]]
    return np.where(settled_after(y, orders, steps), values, np.nan)


def _draw(rng: np.random.Generator, covariance: Array) -> Array:
    """Draw a Gaussian vector; the covariance may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors @ (np.sqrt(np.maximum(values, 0.0)) * rng.normal(size=len(values)))


def _arma(rng: np.random.Generator, n: int, ar: Array, noise: Array, state: Array) -> Array:
    """Simulate n values of an ARMA process from the state predicted for the first: (n,).

    The predicted state in Harvey's form equals the delay state of a transposed direct form filter.
    """
    from scipy.signal import lfilter

    polynomial = np.concatenate([[1.0], -ar])
    return lfilter(np.append(noise, 0.0), polynomial, rng.normal(size=n), zi=state)[0]
