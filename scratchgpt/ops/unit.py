"""Unit vectors: each row divided by its length, so that dot products are cosines."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays, check_upstream
from scratchgpt.memory import empty_like
from scratchgpt.ops.observe import observed


class UnitSaved(NamedTuple):
    y: Array  # (..., C)
    length: Array  # (..., 1) at least SHORTEST


# A row of zeros has no direction and stays 0. PyTorch's normalize has the same limit.
SHORTEST = 1e-12


@observed
def unit_forward(x: Array) -> tuple[Array, UnitSaved]:
    r"""Divide each row by its Euclidean length, :math:`y = x / \lVert x \rVert`.

    Parameters
    ----------
    x : array (..., C)

    Returns
    -------
    y : array (..., C)
    saved : UnitSaved

    Raises
    ------
    ValueError
        If x has no axis.
    TypeError
        If x is not a floating-point array.
    """
    check_arrays("unit", x=x)
    if x.ndim == 0:
        raise ValueError("unit: x is a number; pass an array (..., C)")
    y = empty_like(x)
    # np.linalg.norm would take an absolute value, but the length must be analytic for the complex
    # step.
    np.multiply(x, x, out=y)
    length = np.sqrt(y.sum(axis=-1, keepdims=True))
    length[length.real < SHORTEST] = SHORTEST
    np.divide(x, length, out=y)
    return y, UnitSaved(y, length)


@observed
def unit_backward(dy: Array, saved: UnitSaved) -> Array:
    r"""Gradient of :func:`unit_forward`.

    Moving x along itself does not change its direction, so the part of dy along y is removed:

    .. math:: dx = \frac{dy - y \, (y \cdot dy)}{\lVert x \rVert}

    Parameters
    ----------
    dy : array (..., C)
    saved : UnitSaved

    Returns
    -------
    dx : array (..., C)
    """
    y, length = saved
    check_upstream("unit", dy, y.shape)
    dx = empty_like(y)
    np.multiply(dy, y, out=dx)
    along = dx.sum(axis=-1, keepdims=True)  # (..., 1)
    np.multiply(y, along, out=dx)
    np.subtract(dy, dx, out=dx)
    dx /= length
    return dx
