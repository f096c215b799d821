"""AdamW in one pass over memory, and gradient norms; see :mod:`scratchgpt.optim`."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import CHUNK
from scratchgpt.kernels.compiler.parallel import kernel


class Factors(NamedTuple):
    """The scalars of a step, all of one dtype; see :func:`adamw_step`."""

    beta1: Any
    beta2: Any
    gain1: Any  # multiplies the gradient before it is added to m
    gain2: Any  # multiplies the gradient before it is squared and added to v
    keep: Any
    step_size: Any
    eps: Any


@kernel
def _step(chunk, value, grad, m, v, n_decay, factors):
    beta1, beta2, gain1, gain2, keep, step_size, eps = factors
    start = chunk * CHUNK
    values, grads = value[start : start + CHUNK], grad[start : start + CHUNK]
    ms, vs = m[start : start + CHUNK], v[start : start + CHUNK]
    # If the decay ends in the middle of a chunk, its elements are processed one by one.
    n_kept = min(max(n_decay - start, 0), values.size)
    for part in range(2):
        first, last = (0, n_kept) if part == 0 else (n_kept, values.size)
        factor = keep if part == 0 else value.dtype.type(1)
        x, g, a, b = values[first:last], grads[first:last], ms[first:last], vs[first:last]
        for i in range(x.size):
            a[i] = beta1 * a[i] + gain1 * g[i]
            b[i] = beta2 * b[i] + (gain2 * g[i]) * (gain2 * g[i])
            x[i] = factor * x[i] - step_size * (a[i] / (np.sqrt(b[i]) + eps))


@kernel
def _squares(chunk, x, partial):
    xs = x[chunk * CHUNK : (chunk + 1) * CHUNK]
    total = 0.0
    for i in range(xs.size):
        total += np.float64(xs[i]) * np.float64(xs[i])
    partial[chunk] = total


def adamw_step(
    value: Array,
    grad: Array,
    m: Array,
    v: Array,
    *,
    n_decay: int,
    betas: tuple[float, float],
    gains: tuple[float, float],
    keep: float,
    step_size: float,
    eps: float,
) -> None:
    """Update ``value`` and both moments in place; all are flat arrays of one dtype.

    Parameters
    ----------
    n_decay : int
        ``value[:n_decay]`` is multiplied by ``keep`` first.
    gains : (float, float)
        Factors for the gradient: for the first moment, and before it is squared.
    step_size, eps : float
        Step size and epsilon, with the bias corrections of both moments included.
    """
    numbers = (*betas, *gains, keep, step_size, eps)
    factors = Factors(*(value.dtype.type(x) for x in numbers))
    _step(-(-value.size // CHUNK), value, grad, m, v, n_decay, factors)


def sum_of_squares(x: Array) -> float:
    """Return the sum of squares of a flat array (n,), summed in float64, chunk by chunk."""
    partial = np.empty(-(-x.size // CHUNK))
    _squares(partial.size, x, partial)
    return float(partial.sum())
