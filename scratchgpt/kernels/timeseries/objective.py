"""The negative log-likelihood per observation with its gradient, in one call.

It computes the numbers of :mod:`scratchgpt.timeseries.fitting.negative_log_likelihood`, in the same
order of steps, for a complete series or one whose missing values are filled in.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.timeseries import arma_filter, autocovariance

LOG_2_PI = math.log(2 * math.pi)
SIGNS = (1.0, -1.0, 1.0, -1.0)  # of the partial autocorrelations of the four factors


class Problem(NamedTuple):
    """A model and its data.

    rows : (1 + k + m, n) the series, the k columns of its regression, the m missing values
    sizes : int (4,) the numbers of ar, ma, seasonal ar and seasonal ma coefficients
    constrained : bool (4,) whether a point holds their partial autocorrelations
    k, s : int
    largest_variance : float
        There is no value if the autoregression has a larger variance.
    """

    rows: Any
    sizes: Any
    constrained: Any
    k: int
    s: int
    largest_variance: float


@part
def _factor_forward(z, sign, steps):
    """Replace z by the coefficients of its factor, and write those of the lower orders."""
    for k in range(len(z)):
        r = math.tanh(z[k])
        for i in range(k):
            steps[k, i] = z[i]
        for i in range(k):
            z[i] = steps[k, i] - r * steps[k, k - 1 - i]
        z[k] = r
    for k in range(len(z)):
        z[k] *= sign


@part
def _factor_backward(slopes, z, sign, steps):
    """Replace the gradient of the coefficients by that of z."""
    scratch = np.empty(len(z))
    for k in range(len(z) - 1, -1, -1):
        r = math.tanh(z[k])
        dr = slopes[k]
        for i in range(k):
            dr -= slopes[i] * steps[k, k - 1 - i]
            scratch[i] = slopes[i] - r * slopes[k - 1 - i]
        for i in range(k):
            slopes[i] = scratch[i]
        slopes[k] = dr * sign * (1.0 - r * r)


@part
def _product(a, b, s, sign):
    """Return the product of two factors of sign 1 or -1, without the leading 1.

    See :func:`scratchgpt.timeseries.likelihood.polynomials.expand_forward`.
    """
    out = np.zeros(len(a) + s * len(b))
    for i in range(len(a)):
        out[i] = a[i]
    for j in range(len(b)):
        at = s * (j + 1)
        out[at - 1] += b[j]
        for i in range(len(a)):
            out[at + i] += sign * b[j] * a[i]
    return out


@part
def _product_backward(dout, a, b, s, sign, gradient, at_b):
    """Write the gradient of a to the start of the gradient, and that of b to position at_b."""
    for i in range(len(a)):
        gradient[i] = dout[i]
    for j in range(len(b)):
        at = s * (j + 1)
        gradient[at_b + j] = dout[at - 1]
        for i in range(len(a)):
            gradient[at_b + j] += sign * dout[at + i] * a[i]
            gradient[i] += sign * dout[at + i] * b[j]


@part
def _integrate_out(u, factor):
    """Integrate the rows of u after the first out, and return the logarithm of the determinant.

    The rows become orthonormal, the first becomes the residual, and factor the Cholesky factor of
    the Gram matrix; see :mod:`scratchgpt.timeseries.likelihood.integrate_out`.
    """
    m, n, logs = len(factor), u.shape[1], 0.0
    for i in range(m):
        row = u[1 + i]
        for j in range(i):
            factor[i, j] = _dot(row, u[1 + j])
            for t in range(n):
                row[t] -= factor[i, j] * u[1 + j, t]
        factor[i, i] = math.sqrt(_dot(row, row))
        logs += 2.0 * math.log(factor[i, i])
        for t in range(n):
            row[t] /= factor[i, i]
        share = _dot(row, u[0])
        for t in range(n):
            u[0, t] -= share * row[t]
        factor[i, m] = -share
    return logs


@part
def _dot(x, y):
    total = 0.0
    for t in range(len(x)):
        total += x[t] * y[t]
    return total


@part
def _solve_transposed(factor, u):
    """Multiply the rows of u after the first, and the last column, by the inverse of factor'."""
    m, n = len(factor), u.shape[1]
    for i in range(m - 1, -1, -1):
        for j in range(i + 1, m):
            factor[i, m] -= factor[j, i] * factor[j, m]
            for t in range(n):
                u[1 + i, t] -= factor[j, i] * u[1 + j, t]
        factor[i, m] /= factor[i, i]
        for t in range(n):
            u[1 + i, t] /= factor[i, i]


@part
def evaluate(z, problem, gradient):
    """Write the gradient at z, and return the value and the best noise variance.

    The value is infinite if there is no likelihood at z.
    """
    rows, sizes, constrained, k, s, largest_variance = problem
    n, m = rows.shape[1], len(rows) - 1 - k
    coefficients, steps = z.copy(), np.empty((4, max(sizes), max(sizes)))
    ends = np.empty(5, np.int64)
    ends[0] = k
    for i in range(4):
        ends[i + 1] = ends[i] + sizes[i]
        if constrained[i]:
            _factor_forward(coefficients[ends[i] : ends[i + 1]], SIGNS[i], steps[i])
    ar, ma = coefficients[k : ends[1]], coefficients[ends[1] : ends[2]]
    seasonal_ar, seasonal_ma = coefficients[ends[2] : ends[3]], coefficients[ends[3] :]
    phi, theta = _product(ar, seasonal_ar, s, -1.0), _product(ma, seasonal_ma, s, 1.0)
    p, q = len(phi), len(theta)
    orders, variance = autocovariance.step_down(phi)
    if not variance <= largest_variance:
        return np.inf, np.nan

    weights, gamma, psi = autocovariance.autocovariances(phi, theta, orders)
    r = max(p, q + 1)
    wide_ar, noise, start = np.zeros(r), np.zeros(r), np.zeros(r)
    for i in range(p):
        wide_ar[i] = phi[i]
    for i in range(q + 1):
        noise[i] = weights[i]
    column = autocovariance.covariances_with_first(wide_ar, noise, gamma, psi)
    for i in range(r):
        start[i] = wide_ar[i] * column[0]
    for i in range(r - 1):
        start[i] += column[i + 1]

    w, u, factor = np.empty((1 + m, n)), np.empty((1 + m, n)), np.zeros((m, m + 1))
    for t in range(n):
        w[0, t] = rows[0, t]
        for j in range(k):
            w[0, t] -= z[j] * rows[1 + j, t]
        for i in range(m):
            w[1 + i, t] = rows[1 + k + i, t]
    v, F, head, x, M, G, W, n_varying, _ = arma_filter.recursions(w, wide_ar, start, column[0])
    for i in range(1 + m):
        for t in range(n):
            u[i, t] = v[i, t] / math.sqrt(F[t])
    logs = _integrate_out(u, factor)
    for t in range(n):
        logs += math.log(F[t])
    squares = _dot(u[0], u[0])
    n_used = n - m
    value = 0.5 * (LOG_2_PI + math.log(squares / n_used) + 1.0 + logs / n_used)
    if not abs(value) < np.inf:
        return np.inf, np.nan

    dsquares, dlogs = 0.5 / squares, 0.5 / n_used
    dv, dF, dcolumn, dstart = np.empty((1 + m, n)), np.empty(n), np.empty(r), np.empty(r)
    for t in range(n):
        reach = 1.0
        for i in range(m):
            reach -= u[1 + i, t] * u[1 + i, t]
        dF[t] = (dlogs * reach - dsquares * u[0, t] * u[0, t]) / F[t]
    _solve_transposed(factor, u)
    for t in range(n):
        dv[0, t] = dsquares * u[0, t] * 2.0 / math.sqrt(F[t])
        for i in range(m):
            dv[1 + i, t] = factor[i, m] * dv[0, t] + dlogs * u[1 + i, t] * 2.0 / math.sqrt(F[t])
    record = arma_filter.Record(v, F, head, x, M, G, W)
    dw, dar, dG, dW, dF_next, dM = arma_filter.undo_recursions(dv, dF, wide_ar, record, n_varying)
    dcolumn[0] = dF_next + dM / (column[0] * column[0])
    for i in range(r):
        dstart[i] = dG[i] + dW[i]
    for i in range(r):
        dcolumn[0] += wide_ar[i] * dstart[i]
        dar[i] += dstart[i] * column[0]
    for i in range(r - 1):
        dcolumn[i + 1] = dstart[i]
    more_dphi, dnoise, dgamma, dpsi = autocovariance.undo_covariances_with_first(
        dcolumn, wide_ar, noise, gamma, psi
    )
    dphi, dtheta = autocovariance.undo_autocovariances(
        dgamma, dpsi, phi, weights, gamma, psi, orders
    )
    for i in range(p):
        dphi[i] += dar[i] + more_dphi[i]
    for i in range(q):
        dtheta[i] += dnoise[i + 1]

    for j in range(k):
        gradient[j] = -_dot(rows[1 + j], dw[0])
    _product_backward(dphi, ar, seasonal_ar, s, -1.0, gradient[k:], ends[2] - k)
    _product_backward(dtheta, ma, seasonal_ma, s, 1.0, gradient[ends[1] :], ends[3] - ends[1])
    for i in range(4):
        if constrained[i]:
            first, last = ends[i], ends[i + 1]
            _factor_backward(gradient[first:last], z[first:last], SIGNS[i], steps[i])
    for i in range(len(gradient)):
        if not abs(gradient[i]) < np.inf:
            return np.inf, np.nan
    return value, squares / n_used
