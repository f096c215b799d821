"""Mean pooling: one vector for each text, the average of the states at its tokens."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays, check_upstream
from scratchgpt.memory import empty, zeros
from scratchgpt.ops.observe import observed


class MeanPoolSaved(NamedTuple):
    lengths: Array  # (B,)
    shape: tuple[int, int, int]  # of x: (B, T, C)


@observed
def mean_pool_forward(x: Array, lengths: Array) -> tuple[Array, MeanPoolSaved]:
    r"""Average the states of each text over its tokens, :math:`y = \frac1n \sum_{t<n} x_t`.

    Each text is summed separately, so its result does not depend on the padding after it.

    Parameters
    ----------
    x : array (B, T, C)
        States; those after the last token of a text are padding.
    lengths : integer array (B,)
        Number of tokens of each text, from 1 to T.

    Returns
    -------
    y : array (B, C)
    saved : MeanPoolSaved

    Raises
    ------
    ValueError
        If the shapes do not match, or a length is out of range.
    TypeError
        If x is not a floating-point array, or the lengths are not integers.
    """
    shape = check_lengths("mean_pool", x, lengths)
    y = empty((shape[0], shape[2]), like=x)
    for row, states, n in zip(y, x, lengths.tolist(), strict=True):
        np.sum(states[:n], axis=0, out=row)
        row /= n
    return y, MeanPoolSaved(lengths, shape)


@observed
def mean_pool_backward(dy: Array, saved: MeanPoolSaved) -> Array:
    """Gradient of :func:`mean_pool_forward`: each token of a text gets dy / n, padding gets 0.

    Parameters
    ----------
    dy : array (B, C)
    saved : MeanPoolSaved

    Returns
    -------
    dx : array (B, T, C)
    """
    lengths, (n_texts, n_time, n_channels) = saved
    check_upstream("mean_pool", dy, (n_texts, n_channels))
    dx = zeros((n_texts, n_time, n_channels), like=dy)
    for rows, gradient, n in zip(dx, dy, lengths.tolist(), strict=True):
        rows[:n] = gradient / n
    return dx


def check_lengths(op: str, x: Array, lengths: Array) -> tuple[int, int, int]:
    """Check the states (B, T, C) and the lengths of texts, and return the shape of the states.

    Raises
    ------
    ValueError
        If the shapes do not match, or a length is out of range.
    TypeError
        If x is not a floating-point array, or the lengths are not integers.
    """
    check_arrays(op, x=x)
    if not hasattr(lengths, "dtype") or lengths.dtype.kind not in "iu":
        found = getattr(lengths, "dtype", type(lengths).__name__)
        raise TypeError(f"{op}: lengths must be an integer array, got {found}")
    if x.ndim != 3 or lengths.shape != x.shape[:1]:
        raise ValueError(
            f"{op}: x is {x.shape} and lengths {lengths.shape}; use (B, T, C) and (B,)"
        )
    n_texts, n_time, n_channels = x.shape
    if n_texts and not 1 <= lengths.min() <= lengths.max() <= n_time:
        raise ValueError(
            f"{op}: lengths are {lengths.min()} to {lengths.max()}; use 1 to {n_time}, the number "
            "of positions"
        )
    return n_texts, n_time, n_channels
