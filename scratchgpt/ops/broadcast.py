"""Broadcasting: one value is used in many places, so its gradient is a sum over these places."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays
from scratchgpt.memory import empty
from scratchgpt.ops.observe import observed


class BroadcastSaved(NamedTuple):
    shape: tuple[int, ...]  # of x


@observed
def broadcast_forward(x: Array, shape: tuple[int, ...]) -> tuple[Array, BroadcastSaved]:
    """Return a copy of ``x`` that is repeated to ``shape`` by NumPy's broadcasting rules.

    Parameters
    ----------
    x : array
        Its axes are aligned with those of ``shape`` from the right; each must be equal, 1 or
        missing.
    shape : tuple of int

    Returns
    -------
    y : array ``shape``
    saved : BroadcastSaved

    Raises
    ------
    ValueError
        If ``x`` does not broadcast to ``shape``.
    """
    check_arrays("broadcast", x=x)
    if not broadcasts(x.shape, shape):
        raise ValueError(f"broadcast: x is {x.shape} and does not broadcast to {shape}")
    y = empty(shape, like=x)
    y[...] = np.broadcast_to(x, shape)
    return y, BroadcastSaved(x.shape)


@observed
def broadcast_backward(dy: Array, saved: BroadcastSaved) -> Array:
    """Gradient of :func:`broadcast_forward`: the sum over all axes along which x was repeated."""
    check_arrays("broadcast", dy=dy)
    n_new = dy.ndim - len(saved.shape)
    repeated = [axis + n_new for axis, size in enumerate(saved.shape) if size == 1]
    dx = dy.sum(axis=(*range(n_new), *repeated), keepdims=True)
    return dx.reshape(saved.shape)


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of one shape broadcasts to another shape."""
    if len(shape) > len(to):
        return False
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return all(size in (1, wanted) for size, wanted in pairs)
