"""Unit vectors: each row divided by its length, so that dot products are cosines."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays, check_upstream
from scratchgpt.memory import empty, empty_like
from scratchgpt.ops.observe import observed

SHORTEST = 1e-12  # the smallest divisor, so that a row of zeros gives 0; that of PyTorch


class UnitSaved(NamedTuple):
    y: Array  # (..., C)
    length: Array  # (..., 1) at least SHORTEST


@observed
def unit_forward(x: Array) -> tuple[Array, UnitSaved]:
    r"""Divide each row by its Euclidean length, :math:`y = x / \lVert x \rVert`.

    Rows shorter than 1e-12 are divided by 1e-12, so a row of zeros gives zeros.

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
    # np.linalg.norm takes an absolute value, which is not analytic: a complex step needs squares.
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

    Rows that are shorter than the limit are divided by a constant, so nothing is removed there.

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
    dx = empty(y.shape, like=dy)
    np.multiply(dy, y, out=dx)
    along = dx.sum(axis=-1, keepdims=True)  # (..., 1) y . dy
    along[length.real <= SHORTEST] = 0
    np.multiply(y, along, out=dx)
    np.subtract(dy, dx, out=dx)
    dx /= length
    return dx
