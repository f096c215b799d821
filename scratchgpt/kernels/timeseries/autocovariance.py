"""ARMA autocovariances; see :mod:`scratchgpt.timeseries.likelihood.autocovariance`."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import serial


@serial
def step_down(phi):
    """Return the coefficients of all orders, and the variance of the autoregression.

    The variance is infinite if the autoregression is not stationary.
    """
    p, variance = len(phi), 1.0
    rows = np.zeros((p + 1, p))
    for i in range(p):
        rows[p, i] = phi[i]
    for k in range(p, 0, -1):
        row, lower = rows[k], rows[k - 1]
        r = row[k - 1]
        left = (1.0 - r) * (1.0 + r)
        variance = variance / left if left > 0.0 else np.inf
        for i in range(k - 1):
            lower[i] = (row[i] + r * row[k - 2 - i]) / left
    return rows, variance


@serial
def autocovariances(phi, theta, rows):
    p, q = len(phi), len(theta)
    weights, psi = np.ones(q + 1), np.ones(q + 1)
    b, gamma, scratch = np.zeros(p + 1), np.empty(p + 1), np.empty(p + 1)
    for j in range(1, q + 1):
        weights[j] = theta[j - 1]
        psi[j] = theta[j - 1]
        for k in range(1, min(j, p) + 1):
            psi[j] += phi[k - 1] * psi[j - k]
    for j in range(min(p, q) + 1):
        for k in range(j, q + 1):
            b[j] += weights[k] * psi[k - j]
    for k in range(p, 0, -1):
        gamma[k] = b[k]
        r = rows[k, k - 1]
        left = (1.0 - r) * (1.0 + r)
        for j in range(k):
            scratch[j] = (b[j] + r * b[k - j]) / left
        for j in range(k):
            b[j] = scratch[j]
    gamma[0] = b[0]
    for k in range(1, p + 1):
        for i in range(k):
            gamma[k] += rows[k, i] * gamma[k - 1 - i]
    return weights, gamma, psi


@serial
def undo_autocovariances(dgamma, dpsi, phi, weights, gamma, psi, rows):
    p, q = len(phi), len(weights) - 1
    dphi, dweights, dtheta = np.zeros(p), np.zeros(q + 1), np.zeros(q)
    dpsi, dgamma = dpsi.copy(), dgamma.copy()
    db, scratch = np.zeros(p + 1), np.empty(p + 1)
    for k in range(p, 0, -1):
        for i in range(k):
            dgamma[k - 1 - i] += dgamma[k] * rows[k, i]
    db[0] = dgamma[0]
    for k in range(1, p + 1):
        r = rows[k, k - 1]
        left = (1.0 - r) * (1.0 + r)
        for j in range(k):
            scratch[j] = db[j] / left
            db[j] = scratch[j]
        db[k] = dgamma[k]
        for j in range(k):
            db[k - j] += r * scratch[j]
    for k in range(1, p + 1):
        for j in range(p + 1):
            dphi[k - 1] += db[j] * gamma[abs(j - k)]
    for j in range(min(p, q) + 1):
        for k in range(j, q + 1):
            dweights[k] += db[j] * psi[k - j]
            dpsi[k - j] += db[j] * weights[k]
    for j in range(q, 0, -1):
        for k in range(1, min(j, p) + 1):
            dphi[k - 1] += dpsi[j] * psi[j - k]
            dpsi[j - k] += dpsi[j] * phi[k - 1]
    for j in range(q):
        dtheta[j] = dweights[j + 1] + dpsi[j + 1]
    return dphi, dtheta


@serial
def covariances_with_first(ar, noise, gamma, psi):
    p, q, r = len(gamma) - 1, len(psi) - 1, len(ar)
    column = np.zeros(r)
    for i in range(r):
        for j in range(i, q + 1):
            column[i] += noise[j] * psi[j - i]
        for j in range(i, p):
            column[i] += ar[j] * gamma[j - i + 1]
    return column


@serial
def undo_covariances_with_first(dcolumn, ar, noise, gamma, psi):
    p, q = len(gamma) - 1, len(psi) - 1
    dphi, dnoise, dgamma, dpsi = np.zeros(p), np.zeros(q + 1), np.zeros(p + 1), np.zeros(q + 1)
    for i in range(len(dcolumn)):
        for j in range(i, q + 1):
            dnoise[j] += dcolumn[i] * psi[j - i]
            dpsi[j - i] += dcolumn[i] * noise[j]
        for j in range(i, p):
            dphi[j] += dcolumn[i] * gamma[j - i + 1]
            dgamma[j - i + 1] += dcolumn[i] * ar[j]
    return dphi, dnoise, dgamma, dpsi


def process_variance(phi: Array) -> float:
    """Compute the variance of an autoregression; infinite if it is not stationary."""
    return float(step_down(np.ascontiguousarray(phi))[1])


def forward(phi: Array, theta: Array) -> tuple[Array, Array, Array, Array]:
    """Compute weights, gamma, psi and rows of ``AutocovarianceSaved``."""
    phi = np.ascontiguousarray(phi)
    rows, _ = step_down(phi)
    return *autocovariances(phi, np.ascontiguousarray(theta), rows), rows


def backward(
    dgamma: Array,
    dpsi: Array,
    phi: Array,
    weights: Array,
    gamma: Array,
    psi: Array,
    rows: Array,
) -> tuple[Array, Array]:
    """Compute the gradients of phi and theta."""
    dgamma, dpsi = np.ascontiguousarray(dgamma), np.ascontiguousarray(dpsi)
    phi = np.ascontiguousarray(phi)
    return undo_autocovariances(dgamma, dpsi, phi, weights, gamma, psi, rows)


def first_column(ar: Array, noise: Array, gamma: Array, psi: Array) -> Array:
    """Compute the covariances of the state with its first element, (r,)."""
    return covariances_with_first(ar, noise, gamma, psi)


def first_column_backward(
    dcolumn: Array, ar: Array, noise: Array, gamma: Array, psi: Array
) -> tuple[Array, Array, Array, Array]:
    """Compute the gradients of phi (p,), of (1, theta) (q + 1,), of gamma and of psi."""
    return undo_covariances_with_first(np.ascontiguousarray(dcolumn), ar, noise, gamma, psi)
