"""Squared rectified linear unit (So et al. 2021, arXiv:2109.08668, section 4)."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays, check_upstream, contiguous, use_kernels
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.observe import observed
from scratchgpt.ops.relu import relu_forward


class ReluSquaredSaved(NamedTuple):
    x: Array  # (...)


@observed
def relu_squared_forward(x: Array, *, y_out: Array | None = None) -> tuple[Array, ReluSquaredSaved]:
    r""":math:`y = \max(x, 0)^2`; for complex numbers, the sign of the real part decides.

    Parameters
    ----------
    x : array (...)
    y_out : array (...), optional
        Overwritten with the result.
    """
    check_arrays("relu_squared", x=x)
    y = empty_like(x) if y_out is None else y_out
    if use_kernels(x, y) and contiguous(y):
        from scratchgpt.kernels import relu

        relu.relu_squared_forward(x, y)
        return y, ReluSquaredSaved(x)

    relu_forward(x, y_out=y)
    y *= y
    return y, ReluSquaredSaved(x)


@observed
def relu_squared_backward(
    dy: Array, saved: ReluSquaredSaved, *, dx_out: Array | None = None
) -> Array:
    r"""Gradient of :func:`relu_squared_forward`: :math:`dx = 2\,dy\,\max(x, 0)`.

    Unlike the slope of ReLU, this slope has no jump: it grows from 0 with x.

    Parameters
    ----------
    dy : array (...)
    saved : ReluSquaredSaved
    dx_out : array (...), optional
        Overwritten with the result. It may be dy.
    """
    check_upstream("relu_squared", dy, saved.x.shape)
    dx = empty(saved.x.shape, like=dy) if dx_out is None else dx_out
    if use_kernels(dy, saved.x, dx) and contiguous(dx):
        from scratchgpt.kernels import relu

        relu.relu_squared_backward(dy, saved.x, dx)
        return dx

    with scope():
        positive = empty(saved.x.shape, like=dy)
        relu_forward(saved.x, y_out=positive)
        np.multiply(dy, positive, out=dx)
    dx *= 2
    return dx
