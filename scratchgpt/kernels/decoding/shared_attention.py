"""Attention of new positions to keys at scattered positions of a cache, for generation."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.fast_math import exp
from scratchgpt.memory import empty, scope


@kernel
def _attend(i, q, keys, values, places, first, scale, y, scratch):
    _, n_head, n_time, size = q.shape
    real = q.dtype.type
    row, t = i // n_time, i % n_time
    n_seen = min(places.shape[1], first + t + 1)
    query, total = scratch[i, :size], scratch[i, size : 2 * size]
    scores, at = scratch[i, 2 * size :], places[row]
    for h in range(n_head):
        for d in range(size):
            query[d] = scale * q[row, h, t, d]
            total[d] = real(0)
        highest = np.finfo(q.dtype).min
        for s in range(n_seen):
            if at[s] >= 0:
                key, score = keys[at[s], h, s], real(0)
                for d in range(size):
                    score += query[d] * key[d]
                scores[s] = score
                highest = max(highest, score)
        weights = real(0)
        for s in range(n_seen):
            if at[s] >= 0:
                value, weight = values[at[s], h, s], exp(scores[s] - highest)
                weights += weight
                for d in range(size):
                    total[d] += weight * value[d]
        inverse = real(1) / weights if weights > real(0) else real(0)
        for d in range(size):
            y[row, h, t, d] = total[d] * inverse


def attend(
    q: Array, keys: Array, values: Array, places: Array, first: int, scale: float, y: Array
) -> None:
    """Write the attention output of each query over its visible keys to y.

    Parameters
    ----------
    q, y : array (R, H, T, D)
        All float32, or all float64.
    keys, values : array (P, H, S, D)
        C-contiguous.
    places : int64 array (R, n)
        The key of position s for row r is ``keys[places[r, s], :, s]``; -1 if it is masked.
    first : int
        Query t attends to positions 0 to ``first + t``.
    scale : float
    """
    n_rows, _, n_time, size = q.shape
    with scope():
        scratch = empty((n_rows * n_time, 2 * size + places.shape[1]), like=q)
        arguments = (q, keys, values, places, first, q.dtype.type(scale), y, scratch)
        _attend(len(scratch), *arguments)
