"""Pooling: one vector for each text, from the hidden states at its tokens."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays, check_upstream
from scratchgpt.memory import empty, zeros
from scratchgpt.ops.observe import observed


class PoolSaved(NamedTuple):
    lengths: Array  # (B,)
    n_time: int


@observed
def mean_pool_forward(x: Array, lengths: Array) -> tuple[Array, PoolSaved]:
    r"""Average the states of each text over its tokens, :math:`y = \frac1n \sum_{t<n} x_t`.

    Each text is summed by itself, so its result does not depend on the padding after it.

    Parameters
    ----------
    x : array (B, T, C)
        States; those after the last token of a text are padding.
    lengths : int array (B,)
        Number of tokens of each text, from 1 to T.

    Returns
    -------
    y : array (B, C)
    saved : PoolSaved

    Raises
    ------
    ValueError
        If the shapes do not match, or a length is out of range.
    TypeError
        If x is not a floating-point array, or the lengths are not integers.
    """
    check_lengths("mean_pool", x, lengths)
    y = empty((x.shape[0], x.shape[2]), like=x)
    for row, states, n in zip(y, x, lengths, strict=True):
        np.sum(states[:n], axis=0, out=row)
        row /= int(n)
    return y, PoolSaved(lengths, x.shape[1])


@observed
def mean_pool_backward(dy: Array, saved: PoolSaved) -> Array:
    """Gradient of :func:`mean_pool_forward`: each token of a text gets dy / n, padding gets 0.

    Parameters
    ----------
    dy : array (B, C)
    saved : PoolSaved

    Returns
    -------
    dx : array (B, T, C)
    """
    dx = _zeros_for("mean_pool", dy, saved)
    for rows, gradient, n in zip(dx, dy, saved.lengths, strict=True):
        rows[:n] = gradient / int(n)
    return dx


@observed
def last_pool_forward(x: Array, lengths: Array) -> tuple[Array, PoolSaved]:
    """Select the state at the last token of each text, y = x[n - 1].

    Under a causal mask, only the last token has seen the whole text. The parameters are those of
    :func:`mean_pool_forward`.
    """
    check_lengths("last_pool", x, lengths)
    y = empty((x.shape[0], x.shape[2]), like=x)
    y[...] = x[np.arange(len(x)), lengths - 1]
    return y, PoolSaved(lengths, x.shape[1])


@observed
def last_pool_backward(dy: Array, saved: PoolSaved) -> Array:
    """Gradient of :func:`last_pool_forward`: the last token gets dy, the others get 0."""
    dx = _zeros_for("last_pool", dy, saved)
    dx[np.arange(len(dx)), saved.lengths - 1] = dy
    return dx


def check_lengths(op: str, x: Array, lengths: Array) -> None:
    """Check the states and the lengths of texts; raise TypeError or ValueError."""
    check_arrays(op, x=x)
    if getattr(getattr(lengths, "dtype", None), "kind", "") not in "iu":
        raise TypeError(f"{op}: lengths must be an integer array")
    if x.ndim != 3 or lengths.shape != x.shape[:1]:
        raise ValueError(
            f"{op}: x is {x.shape} and lengths {lengths.shape}; use (B, T, C) and (B,)"
        )
    if lengths.size and not 1 <= lengths.min() <= lengths.max() <= x.shape[1]:
        raise ValueError(
            f"{op}: the lengths are {lengths.min()} to {lengths.max()}; use 1 to {x.shape[1]}"
        )


def _zeros_for(op: str, dy: Array, saved: PoolSaved) -> Array:
    """Return zeros (B, T, C) for a gradient dy (B, C)."""
    n_batch = len(saved.lengths)
    check_arrays(op, dy=dy)
    check_upstream(op, dy, (n_batch, dy.shape[-1] if dy.ndim else 0))
    return zeros((n_batch, saved.n_time, dy.shape[1]), like=dy)
