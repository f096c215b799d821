"""ARMA autocovariances; see :mod:`scratchgpt.timeseries.likelihood.autocovariance`."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import serial


@serial
def _forward(phi, theta):
    p, q = len(phi), len(theta)
    weights, right, system = np.ones(q + 1), np.zeros(p + 1), np.zeros((p + 1, p + 1))
    weights[1:] = theta
    psi = weights.copy()
    for j in range(1, q + 1):
        for k in range(1, min(j, p) + 1):
            psi[j] += phi[k - 1] * psi[j - k]
    for j in range(min(p, q) + 1):
        for k in range(j, q + 1):
            right[j] += weights[k] * psi[k - j]
    for j in range(p + 1):
        system[j, j] = 1.0
    for j in range(p + 1):
        for k in range(1, p + 1):
            system[j, abs(j - k)] -= phi[k - 1]
    gamma = np.linalg.solve(system, right) if p else right
    return weights, gamma, psi, system


@serial
def _backward(dgamma, dpsi, phi, weights, gamma, psi, system):
    p, q = len(phi), len(weights) - 1
    dphi, dweights = np.zeros(p), np.zeros(q + 1)
    dpsi = dpsi.copy()
    dright = np.linalg.solve(np.ascontiguousarray(system.T), dgamma) if p else dgamma
    for k in range(1, p + 1):
        for j in range(p + 1):
            dphi[k - 1] += dright[j] * gamma[abs(j - k)]
    for j in range(min(p, q) + 1):
        for k in range(j, q + 1):
            dweights[k] += dright[j] * psi[k - j]
            dpsi[k - j] += dright[j] * weights[k]
    for j in range(q, 0, -1):
        for k in range(1, min(j, p) + 1):
            dphi[k - 1] += dpsi[j] * psi[j - k]
            dpsi[j - k] += dpsi[j] * phi[k - 1]
    dweights += dpsi
    return dphi, dweights[1:]


@serial
def _first_column(ar, noise, gamma, psi):
    p, q, r = len(gamma) - 1, len(psi) - 1, len(ar)
    column = np.zeros(r)
    for i in range(r):
        for j in range(i, q + 1):
            column[i] += noise[j] * psi[j - i]
        for j in range(i, p):
            column[i] += ar[j] * gamma[j - i + 1]
    return column


@serial
def _first_column_backward(dcolumn, ar, noise, gamma, psi):
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


def forward(phi: Array, theta: Array) -> tuple[Array, Array, Array, Array]:
    """Compute weights, gamma, psi and system of ``AutocovarianceSaved``."""
    return _forward(np.ascontiguousarray(phi), np.ascontiguousarray(theta))


def backward(
    dgamma: Array,
    dpsi: Array,
    phi: Array,
    weights: Array,
    gamma: Array,
    psi: Array,
    system: Array,
) -> tuple[Array, Array]:
    """Compute the gradients of phi and theta."""
    dgamma, dpsi = np.ascontiguousarray(dgamma), np.ascontiguousarray(dpsi)
    return _backward(dgamma, dpsi, np.ascontiguousarray(phi), weights, gamma, psi, system)


def first_column(ar: Array, noise: Array, gamma: Array, psi: Array) -> Array:
    """Compute the covariances of the state with its first element, (r,)."""
    return _first_column(ar, noise, gamma, psi)


def first_column_backward(
    dcolumn: Array, ar: Array, noise: Array, gamma: Array, psi: Array
) -> tuple[Array, Array, Array, Array]:
    """Compute the gradients of phi (p,), of (1, theta) (q + 1,), of gamma and of psi."""
    return _first_column_backward(np.ascontiguousarray(dcolumn), ar, noise, gamma, psi)
