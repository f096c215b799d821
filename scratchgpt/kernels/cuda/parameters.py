"""CUDA kernels for parameters: AdamW, the norm of the gradient, and the gradient of a table."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array, array_module
from scratchgpt.kernels.cuda.launch import THREADS, by_block, by_element

MOST_SUMS = 1024  # blocks whose sums of squares are added at the end


def adamw_step(
    values: Array,
    grads: Array,
    exp_avg: Array,
    exp_avg_sq: Array,
    *,
    n_decay: int,
    betas: tuple[float, float],
    gains: tuple[float, float],
    keep: float,
    step_size: float,
    eps: float,
) -> None:
    """Update flat parameters and moments in one pass; see :class:`scratchgpt.optim.AdamW`."""
    numbers = map(values.dtype.type, (*betas, *gains, keep, step_size, eps))
    sizes = np.int64(values.size), np.int64(n_decay)
    by_element("adamw_step", values, values, grads, exp_avg, exp_avg_sq, *sizes, *numbers)


def sum_of_squares(x: Array) -> Any:
    """Return the sum of the squares in float64, an array without axes."""
    blocks = min(-(-x.size // THREADS), MOST_SUMS)
    sums = array_module(x).empty(blocks, np.float64)
    by_block("sum_of_squares", x.dtype, (blocks,), x, sums, np.int64(x.size))
    return sums.sum()


def embedding_backward(tokens: Array, dy: Array, dweight: Array) -> None:
    """Add rows of dy (N, C) to the rows ``tokens`` (N,) of dweight (V, C), in their order."""
    tokens = tokens.astype(np.int64, copy=False)
    order = array_module(tokens).argsort(tokens, kind="stable")
    arguments = tokens, order, dy, dweight, np.int64(tokens.size), np.int64(dy.shape[-1])
    by_block("embedding_backward", dy.dtype, (tokens.size,), *arguments)
