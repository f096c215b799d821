"""The Kalman filter of an ARIMA process; see :mod:`scratchgpt.timeseries.likelihood.kalman`.

The kernel computes the same numbers as the reference with less work:

- The latest values of the series are stored in a ring buffer, so they need not be shifted: the
  value of time t is in slot ``r + t % n_diffuse``. An observed value is known, so its row and its
  column of the covariance are 0 and are skipped. Without missing values, only the r x r block of
  the ARMA process is left after the diffuse steps.
- Only the lower triangle of that block is stored. T shifts it along its diagonals, in place.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import part, serial

MISSING, ORDINARY = -2, -1  # as in timeseries.likelihood.diffuse, which kernels must not import


class Process(NamedTuple):
    """The process, and what each time brings; see ``KalmanSaved`` and ``DiffuseSteps``."""

    ar: Any  # (r,)
    noise: Any  # (r,)
    lags: Any  # of the earlier values that a value depends on
    weights: Any  # their coefficients
    kinds: Any  # (n,)
    gains: Any  # (k, n_diffuse)


class Record(NamedTuple):
    """What the forward pass writes and the backward pass reads; see ``KalmanSaved``."""

    v: Any  # (n,)
    F: Any  # (n,)
    seen: Any  # (n, m)
    column: Any  # (n, m)
    head: Any  # (n,)


@serial
def _forward(y, process, start, record, ahead):
    """Return the final state and its covariance, with the latest values in ring order."""
    ar, noise, lags, weights, kinds, gains = process
    v, F, seen, column, head = record
    n, m, r = len(y), seen.shape[1], len(ar)
    ring = m - r
    a, P = np.zeros(m), np.zeros((m, m))
    P[:r, :r] = start
    K, N, g = np.zeros(m), np.zeros(m), np.zeros(r)
    unknown = np.empty(ring, np.int64)
    for t in range(n):
        M, first = seen[t], column[t]
        n_unknown = unknown_slots(kinds, t, r, ring, unknown)
        prediction, F_t = _observe(a, P, t, lags, weights, unknown[:n_unknown], M, r)
        ahead[0, t], ahead[1, t] = prediction, F_t

        surprise = 0.0
        K[:] = 0.0
        if kinds[t] != MISSING:
            surprise = y[t] - prediction
            gain(kinds[t], gains, t, r, M, F_t, unknown[:n_unknown], K)
        if kinds[t] == ORDINARY:
            v[t], F[t] = surprise, F_t
        for i in range(m):
            N[i] = M[i] - 0.5 * F_t * K[i]  # so that K M' + M K' - F K K' is K N' + N K'
            a[i] += K[i] * surprise
        for i in range(r):
            first[i] = P[i, 0] - K[i] * N[0] - N[i] * K[0]
        for slot in unknown[:n_unknown]:
            first[slot] = P[slot, 0] - K[slot] * N[0] - N[slot] * K[0]
        head[t] = a[0]

        for slot in unknown[:n_unknown]:
            _advance_value(P, slot, unknown[:n_unknown], K, N, first, ar)
        for i in range(r):
            g[i] = 0.5 * ar[i] * first[0]
        for i in range(r - 1):
            g[i] += first[i + 1]
        for i in range(r):
            _advance_row(P, i, K, M, ar, g, noise)
        for i in range(r - 1):
            a[i] = ar[i] * head[t] + a[i + 1]
        a[r - 1] = ar[r - 1] * head[t]
        if ring:
            slot = slot_of(t, r, ring)
            a[slot] = prediction if kinds[t] == MISSING else y[t]
            _enter(P, slot, kinds[t] == MISSING, M, F_t, ar)
    return a, P


@part
def slot_of(t, r, ring):
    """Return the slot of the value of time t; t must be at least -ring."""
    return r + (t + ring) % ring


@part
def unknown_slots(kinds, t, r, ring, slots):
    """Write the slots of the latest values before time t that were not observed."""
    count = 0
    for time in range(t - ring, t):
        if time < 0 or kinds[time] == MISSING:
            slots[count] = slot_of(time, r, ring)
            count += 1
    return count


@part
def gain(kind, gains, t, r, M, F, unknown, K):
    """Write the gain of a step with an observation; the gain of a known value is 0."""
    K[:] = 0.0
    if kind == ORDINARY:
        for i in range(r):
            K[i] = M[i] / F
        for slot in unknown:
            K[slot] = M[slot] / F
    else:
        for lag in range(1, len(K) - r + 1):
            K[slot_of(t - lag, r, len(K) - r)] = gains[kind, lag - 1]


@part
def _observe(a, P, t, lags, weights, unknown, M, r):
    """Write the nonzero elements of M = P Z', and return Z a and Z M."""
    ring = len(M) - r
    prediction = a[0]
    for i in range(r):
        M[i] = P[i, 0]
    for slot in unknown:
        M[slot] = P[slot, 0]
    for k in range(len(lags)):
        at = slot_of(t - lags[k], r, ring)
        prediction += weights[k] * a[at]
        row = P[at]
        for i in range(r):
            M[i] += weights[k] * row[i]
        for slot in unknown:
            M[slot] += weights[k] * row[slot]
    variance = M[0]
    for k in range(len(lags)):
        variance += weights[k] * M[slot_of(t - lags[k], r, ring)]
    return prediction, variance


@part
def _advance_value(P, slot, unknown, K, N, first, ar):
    """Update and advance the row of a value that was not observed."""
    row, r = P[slot], len(ar)
    k, n = K[slot], N[slot]
    for other in unknown:
        row[other] -= k * N[other] + n * K[other]
    for j in range(r - 1):
        row[j] = row[j + 1] - k * N[j + 1] - n * K[j + 1] + first[slot] * ar[j]
    row[r - 1] = first[slot] * ar[r - 1]


@part
def _advance_row(P, i, K, M, ar, g, noise):
    """Update and advance row i of the block of the ARMA process, up to its diagonal.

    Rows after i have not been changed yet, so they can be read. Here K is M / F or 0.
    """
    row, r = P[i], len(ar)
    if i < r - 1:
        below, k = P[i + 1], K[i + 1]
        for j in range(i + 1):
            row[j] = below[j + 1] - k * M[j + 1]
        for j in range(i + 1):
            row[j] += g[i] * ar[j]
    else:
        for j in range(r):
            row[j] = g[i] * ar[j]
    if ar[i] != 0.0:
        for j in range(i + 1):
            row[j] += ar[i] * g[j]
    if noise[i] != 0.0:
        for j in range(i + 1):
            row[j] += noise[i] * noise[j]


@part
def _enter(P, slot, missing, M, variance, ar):
    """Write the covariance of the current value into its slot, replacing the oldest value."""
    row, r = P[slot], len(ar)
    for i in range(r, len(row)):
        row[i] = M[i] if missing else 0.0
        P[i, slot] = row[i]
    for i in range(r):
        row[i] = 0.0
    if missing:
        for i in range(r - 1):
            row[i] = M[i + 1] + ar[i] * M[0]
        row[r - 1] = ar[r - 1] * M[0]
        row[slot] = variance


def forward(
    y: Array, kinds: Array, gains: Array, ar: Array, noise: Array, delta: Array, start: Array
) -> tuple[Any, ...]:
    """Compute v, F, seen, column, head, mean, variance, and the final state with covariance."""
    n, r, ring = len(y), len(ar), len(delta)
    v, F, head = np.zeros(n), np.full(n, np.nan), np.empty(n)
    seen, column = np.zeros((2, n, r + ring))
    ahead = np.empty((2, n))
    lags, weights = nonzero_lags(delta)
    process = Process(ar, noise, lags, weights, kinds, gains)
    record = Record(v, F, seen, column, head)
    a, P = _forward(np.ascontiguousarray(y), process, start, record, ahead)
    P[:r, :r] = np.tril(P[:r, :r]) + np.tril(P[:r, :r], -1).T
    P[:r, r:] = P[r:, :r].T
    order = np.arange(r + ring)
    if ring:
        order[r:] = r + (n - 1 - np.arange(ring)) % ring
    return (
        v,
        F,
        convert_ring(seen, r),
        convert_ring(column, r),
        head,
        *ahead,
        a[order],
        P[np.ix_(order, order)],
    )


def nonzero_lags(delta: Array) -> tuple[Array, Array]:
    """Return the lags with nonzero differencing coefficients, and these coefficients."""
    lags = np.flatnonzero(delta) + 1
    return lags, delta[lags - 1]


def convert_ring(table: Array, r: int) -> Array:
    """Convert between ring order and latest-value-first order, in either direction: (n, m)."""
    n, m = table.shape
    if m == r:
        return table
    at = (np.arange(n)[:, None] - np.arange(1, m - r + 1)) % (m - r)
    return np.hstack([table[:, :r], np.take_along_axis(table[:, r:], at, 1)])
