"""The backward pass of the Kalman filter; see :mod:`scratchgpt.kernels.timeseries.kalman`.

A known value has covariance 0 for all parameters, so its rows of dP are not needed. As in the
forward pass, only the lower triangle of the block of the ARMA process is stored.
"""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import part, serial
from scratchgpt.kernels.timeseries.kalman import (
    MISSING,
    ORDINARY,
    Process,
    Record,
    convert_ring,
    gain,
    nonzero_lags,
    slot_of,
    unknown_slots,
)


@serial
def _backward(dv, dF, process, record):
    """Return dy, dar, dnoise, and the lower triangle of the gradient of the initial ARMA block.

    An off-diagonal element represents two symmetric elements; each has this gradient.
    """
    ar, noise, kinds, gains = process.ar, process.noise, process.kinds, process.gains
    v, F, seen, column, head = record
    n, m, r = len(dv), seen.shape[1], len(ar)
    ring = m - r
    dy, dar, dnoise = np.zeros(n), np.zeros(r), np.zeros(r)
    da, dP = np.zeros(m), np.zeros((m, m))
    K, dM, along, x, h = np.zeros(m), np.zeros(m), np.zeros(m), np.zeros(m), np.zeros(r)
    unknown = np.empty(ring, np.int64)
    latest, dlatest = 0, 0.0
    for t in range(n - 1, -1, -1):
        M, missing = seen[t], kinds[t] == MISSING
        n_unknown = unknown_slots(kinds, t + 1, r, ring, unknown)

        for i in range(r):  # x is T times the column
            x[i] = ar[i] * column[t, 0]
        for i in range(r - 1):
            x[i] += column[t, i + 1]
        for slot in unknown[:n_unknown]:
            x[slot] = column[t, slot]
        dM[:] = 0.0
        dvariance = 0.0
        if ring:
            latest = slot_of(t, r, ring)
            x[latest] = M[0] if missing else 0.0
        _pull_block(dP, x, ar, noise, dar, dnoise, h)
        for slot in unknown[:n_unknown]:
            for i in range(r):
                dar[i] += 2.0 * dP[slot, i] * x[slot]
        for i in range(r):
            dar[i] += da[i] * head[t]
        if ring:
            if missing:
                dvariance = _pull_latest(dP, latest, unknown[:n_unknown], ar, dM)
            for slot in unknown[:n_unknown]:
                _pull_value(dP[slot], ar)
            dlatest, da[latest] = da[latest], 0.0
        _pull_value(da, ar)

        n_unknown = unknown_slots(kinds, t, r, ring, unknown)
        dsurprise = 0.0
        if missing:
            if ring:
                dsurprise = -dlatest  # the prediction replaces the missing observation
        else:
            if ring:
                dy[t] = dlatest
            gain(kinds[t], gains, t, r, M, F[t], unknown[:n_unknown], K)
            _product(dP, K, unknown[:n_unknown], r, along)
            curvature, slope = 0.0, 0.0
            for i in range(m):
                dM[i] = -2.0 * along[i]
                curvature += K[i] * along[i]
                slope += K[i] * da[i]
            dvariance, dsurprise = curvature, slope
            if kinds[t] == ORDINARY:
                for i in range(m):
                    dM[i] += da[i] * (v[t] / F[t])
                dvariance += dF[t] - slope * v[t] / F[t]
                dsurprise += dv[t]
            dy[t] += dsurprise
        slots = unknown[:n_unknown]
        _pull_observation(dP, da, dM, dvariance, dsurprise, t, process, slots)
    return dy, dar, dnoise, dP[:r, :r]


@part
def _pull_block(dP, x, ar, noise, dar, dnoise, h):
    """Add 2 dP x to dar and 2 dP R to dnoise, write dP ar to h, then apply T' dP T to the block."""
    r = len(ar)
    h[:] = 0.0
    for i in range(r):
        row = dP[i]
        by_x, by_noise, by_ar = 0.0, 0.0, 0.0
        for j in range(i):
            by_x += row[j] * x[j]
            by_noise += row[j] * noise[j]
            by_ar += row[j] * ar[j]
        for j in range(i):
            dar[j] += 2.0 * x[i] * row[j]
        if noise[i] != 0.0:
            for j in range(i):
                dnoise[j] += 2.0 * noise[i] * row[j]
        if ar[i] != 0.0:
            for j in range(i):
                h[j] += ar[i] * row[j]
        dar[i] += 2.0 * (by_x + row[i] * x[i])
        dnoise[i] += 2.0 * (by_noise + row[i] * noise[i])
        h[i] += by_ar + row[i] * ar[i]
    corner = 0.0
    for i in range(r):
        corner += ar[i] * h[i]
    for i in range(r - 1, 0, -1):
        row, above = dP[i], dP[i - 1]
        for j in range(i):
            row[j + 1] = above[j]
        row[0] = h[i - 1]
    dP[0, 0] = corner


@part
def _pull_latest(dP, latest, unknown, ar, dM):
    """Propagate the gradient of a missing value's covariance, T M, to M; return dvariance.

    The slot then belongs to the value stored before, which had no effect on later steps.
    """
    row, r = dP[latest], len(ar)
    for i in range(r):
        dM[0] += 2.0 * ar[i] * row[i]
    for i in range(r - 1):
        dM[i + 1] += 2.0 * row[i]
    for slot in unknown:
        dM[slot] = 2.0 * row[slot]
    dM[latest] = 0.0
    dvariance = row[latest]
    for i in range(r, len(row)):
        dP[i, latest] = 0.0
    row[:] = 0.0
    return dvariance


@part
def _pull_value(row, ar):
    """Apply T' to a row: da, or the row of dP of a value that was not observed."""
    r = len(ar)
    first = 0.0
    for i in range(r):
        first += ar[i] * row[i]
    for j in range(r - 1, 0, -1):
        row[j] = row[j - 1]
    row[0] = first


@part
def _product(dP, K, unknown, r, product):
    """Write the product dP K; its elements for known values are 0."""
    product[:] = 0.0
    for i in range(r):
        row = dP[i]
        total = row[i] * K[i]
        for j in range(i):
            total += row[j] * K[j]
        if K[i] != 0.0:
            for j in range(i):
                product[j] += K[i] * row[j]
        product[i] += total
    for slot in unknown:
        row = dP[slot]
        total = 0.0
        for j in range(r):
            total += row[j] * K[j]
            product[j] += row[j] * K[slot]
        for other in unknown:
            total += row[other] * K[other]
        product[slot] += total


@part
def _pull_observation(dP, da, dM, dvariance, dsurprise, t, process, unknown):
    """Propagate gradients through M = P Z', F = Z M and v = y - Z a."""
    lags, weights, r = process.lags, process.weights, len(process.ar)
    ring = len(dM) - r
    dM[0] += dvariance
    da[0] -= dsurprise
    for k in range(len(lags)):
        slot = slot_of(t - lags[k], r, ring)
        dM[slot] += weights[k] * dvariance
        da[slot] -= weights[k] * dsurprise

    dP[0, 0] += 0.5 * dM[0]
    for i in range(r):
        dP[i, 0] += 0.5 * dM[i]
    for slot in unknown:
        dP[slot, 0] += 0.5 * dM[slot]
    for k in range(len(lags)):
        at, half = slot_of(t - lags[k], r, ring), 0.5 * weights[k]
        for slot in unknown:
            if slot == at:
                row = dP[at]
                for j in range(r):
                    row[j] += half * dM[j]
                for other in unknown:
                    row[other] += half * dM[other]
                    dP[other, at] += half * dM[other]


def backward(dv: Array, dF: Array, saved: Any) -> tuple[Array, Array, Array, Array]:
    """Compute the gradients of y, ar, noise and the initial covariance (r, r) of the ARMA state."""
    r, steps = len(saved.ar), saved.steps
    lags, weights = nonzero_lags(saved.delta)
    process = Process(saved.ar, saved.noise, lags, weights, steps.kinds, steps.gains)
    seen, column = convert_ring(saved.seen, r), convert_ring(saved.column, r)
    record = Record(saved.v, saved.F, seen, column, saved.head)
    dv, dF = np.ascontiguousarray(dv), np.ascontiguousarray(dF)
    dy, dar, dnoise, dstart = _backward(dv, dF, process, record)
    return dy, dar, dnoise, np.tril(dstart) + np.tril(dstart, -1).T
