"""Gradient clipping by the global norm (Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063)."""

import math
from typing import Any

import numpy as np

from scratchgpt.backend import Array, on_host, use_cuda, use_kernels
from scratchgpt.memory import empty, scope
from scratchgpt.ops.observe import observed

CHUNK = 32_768
DEVICE_CHUNK = 1 << 24  # a GPU needs large arrays more than cached ones


@observed
def global_norm(flat: Array) -> Any:
    """Compute the Euclidean norm of a flat array in float64, in a fixed order of summation.

    A BLAS product would sum in the precision of the array, in an order that depends on the number
    of threads.

    Parameters
    ----------
    flat : float array (n,)
        Usually the gradients of all parameters.

    Returns
    -------
    norm : float
        Of an array on a GPU, an array without axes: reading the number would wait for it.
    """
    if use_kernels(flat):
        from scratchgpt.kernels import adamw

        return math.sqrt(adamw.sum_of_squares(flat))

    if use_cuda(flat):
        from scratchgpt.kernels.cuda import parameters

        return np.sqrt(parameters.sum_of_squares(flat))

    total: Any = 0.0
    chunk = CHUNK if on_host(flat) else DEVICE_CHUNK
    with scope():
        squares = empty((min(chunk, flat.size),), like=flat, dtype=np.float64)
        for start in range(0, flat.size, chunk):
            x = flat[start : start + chunk]
            np.multiply(x, x, out=squares[: x.size], dtype=np.float64)
            total = total + squares[: x.size].sum()
    return math.sqrt(total) if on_host(flat) else np.sqrt(total)


def clip_scale(norm: float, max_norm: float) -> float:
    """Return the factor that scales gradients of a given norm to at most ``max_norm``.

    It is that of :func:`torch.nn.utils.clip_grad_norm_`, including 1e-6 to avoid division by zero.
    """
    return min(1.0, max_norm / (norm + 1e-6))
