"""The Chandrasekhar recursions; see :mod:`scratchgpt.timeseries.likelihood.arma_filter`.

Once an increment is too small to change any bit of the sum, the gain is constant. From that step
on, both passes update only the state.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import serial

NEGLIGIBLE = 1e-18  # relative to the variance of an innovation; smaller increments are skipped


class Record(NamedTuple):
    """What the forward pass leaves for the backward pass; see ``ArmaFilterSaved``."""

    v: Any  # (c, n)
    F: Any  # (n,)
    head: Any  # (c, n)
    x: Any  # (n,)
    M: Any  # (n,)
    G: Any  # (n, r)
    W: Any  # (n, r)


@serial
def recursions(w, ar, start, variance):
    """Run the recursions for c series (c, n) of one process, which share all but v, head and a."""
    c, n = w.shape
    r = len(ar)
    v, head, a = np.empty((c, n)), np.empty((c, n)), np.zeros((c, r))
    F, x, M, G, W = np.empty(n), np.empty(n), np.empty(n), np.empty((n, r)), np.empty((n, r))
    G[0, :], W[0, :] = start, start
    F_t, M_t, n_varying = variance, -1.0 / variance, n
    for t in range(n):
        gain = G[min(t, n_varying)]
        F[t] = F_t
        for k in range(c):
            state = a[k]
            first = state[0]
            innovation = w[k, t] - first
            head[k, t], v[k, t] = first, innovation
            step = innovation / F_t
            for i in range(r - 1):
                state[i] = ar[i] * first + state[i + 1] + gain[i] * step
            state[r - 1] = ar[r - 1] * first + gain[r - 1] * step
        if t < n_varying:
            x[t], M[t] = W[t, 0], M_t
        if t < n_varying and t + 1 < n:
            direction, following, next_gain = W[t], W[t + 1], G[t + 1]
            x_t = direction[0]
            b = M_t * x_t
            F_next = F_t + b * x_t
            ratio, largest = x_t / F_next, 0.0
            for i in range(r):
                ahead = ar[i] * x_t
                if i + 1 < r:
                    ahead += direction[i + 1]
                next_gain[i] = gain[i] + b * ahead
                following[i] = ahead - next_gain[i] * ratio
                largest = max(largest, abs(following[i]))
            M_t += b * b / F_t
            F_t = F_next
            if abs(M_t) * largest * largest <= NEGLIGIBLE * F_t:
                n_varying = t + 1
    return v, F, head, x, M, G, W, n_varying, a


@serial
def undo_recursions(dv, dF, ar, record, n_varying):
    """Undo the recursions, given dv (c, n) and dF (n,)."""
    v, F, head, x, M, G, W = record
    n, r = G.shape
    dw, da = np.empty(v.shape), np.zeros((len(v), r))
    dar, dG, dW, dahead = np.zeros(r), np.zeros(r), np.zeros(r), np.empty(r)
    dF_next, dM = 0.0, 0.0
    for t in range(n - 1, -1, -1):
        gain = G[min(t, n_varying)]
        if t < n_varying and t + 1 < n:
            direction, next_gain = W[t], G[t + 1]
            x_t, M_t, F_t, F_after = x[t], M[t], F[t], F[t + 1]
            b, ratio = M_t * x_t, x_t / F_after
            dratio, db = 0.0, 2.0 * dM * b / F_t
            for i in range(r):
                dratio -= dW[i] * next_gain[i]
                dG[i] -= ratio * dW[i]
                ahead = ar[i] * x_t
                if i + 1 < r:
                    ahead += direction[i + 1]
                db += dG[i] * ahead
                dahead[i] = dW[i] + b * dG[i]
            dF_next -= dratio * ratio / F_after
            db += dF_next * x_t
            dx = dratio / F_after + dF_next * b + db * M_t
            dF_next -= dM * b * b / (F_t * F_t)
            dM += db * x_t
            for i in range(r):
                dar[i] += dahead[i] * x_t
                dx += ar[i] * dahead[i]
            for i in range(r - 1, 0, -1):
                dW[i] = dahead[i - 1]
            dW[0] = dx
        dF_next += dF[t]
        for k in range(len(v)):
            dstate, head_t = da[k], head[k, t]
            step, dstep, first = v[k, t] / F[t], 0.0, 0.0
            for i in range(r):
                dstep += dstate[i] * gain[i]
                dG[i] += dstate[i] * step
                dar[i] += dstate[i] * head_t
                first += ar[i] * dstate[i]
            dw[k, t] = dv[k, t] + dstep / F[t]
            dF_next -= dstep * step / F[t]
            for i in range(r - 1, 0, -1):
                dstate[i] = dstate[i - 1]
            dstate[0] = first - dw[k, t]
    return dw, dar, dG, dW, dF_next, dM


def forward(w: Array, ar: Array, start: Array, variance: float) -> tuple[Any, ...]:
    """Compute v, F, head, x, M, G, W, n_varying and ahead of ``ArmaFilterSaved``."""
    found = recursions(np.ascontiguousarray(w)[None], ar, start, variance)
    v, F, head, x, M, G, W, n_varying, ahead = found
    return v[0], F, head[0], x, M, G, W, n_varying, ahead[0]


def backward(dv: Array, dF: Array, saved: Any) -> tuple[Any, ...]:
    """Compute the gradients of w, of ar, and of G, W, F and M at the first step."""
    v, head = saved.v[None], saved.head[None]
    record = Record(v, saved.F, head, saved.x, saved.M, saved.G, saved.W)
    dv, dF = np.ascontiguousarray(dv)[None], np.ascontiguousarray(dF)
    dw, *rest = undo_recursions(dv, dF, saved.ar, record, saved.n_varying)
    return dw[0], *rest
