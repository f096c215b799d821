"""The residuals of the conditional sum of squares; see :mod:`scratchgpt.timeseries.likelihood.css`.

Lags with coefficient 0, which are most lags of a seasonal model, are skipped.
"""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import serial


@serial
def _forward(w, phi, theta, ar_lags, ma_lags):
    p, n = len(phi), len(w)
    e = np.empty(n - p)
    for t in range(n - p):
        value = w[p + t]
        for lag in ar_lags:
            value -= phi[lag - 1] * w[p + t - lag]
        for lag in ma_lags:
            if lag <= t:
                value -= theta[lag - 1] * e[t - lag]
        e[t] = value
    return e


@serial
def _backward(de, w, phi, theta, e, ar_lags, ma_lags):
    p, q, n = len(phi), len(theta), len(w)
    slopes = de.copy()
    dw, dphi, dtheta = np.zeros(n), np.zeros(p), np.zeros(q)
    for t in range(n - p - 1, -1, -1):
        slope = slopes[t]
        for lag in ma_lags:
            if lag <= t:
                slopes[t - lag] -= slope * theta[lag - 1]
        dw[p + t] += slope
        for lag in ar_lags:
            dw[p + t - lag] -= slope * phi[lag - 1]
    for lag in range(1, p + 1):
        for t in range(n - p):
            dphi[lag - 1] -= slopes[t] * w[p + t - lag]
    for lag in range(1, q + 1):
        for t in range(lag, n - p):
            dtheta[lag - 1] -= slopes[t] * e[t - lag]
    return dw, dphi, dtheta


def forward(w: Array, phi: Array, theta: Array) -> Array:
    """Compute the residuals (n - p,)."""
    ar_lags, ma_lags = np.flatnonzero(phi) + 1, np.flatnonzero(theta) + 1
    return _forward(np.ascontiguousarray(w), phi, theta, ar_lags, ma_lags)


def backward(de: Array, w: Array, phi: Array, theta: Array, e: Array) -> tuple[Array, Array, Array]:
    """Compute the gradients of w, phi and theta."""
    ar_lags, ma_lags = np.flatnonzero(phi) + 1, np.flatnonzero(theta) + 1
    de, w = np.ascontiguousarray(de), np.ascontiguousarray(w)
    return _backward(de, w, phi, theta, e, ar_lags, ma_lags)
