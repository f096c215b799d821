"""Sigmoid linear unit, also called swish (Hendrycks and Gimpel 2016, arXiv:1606.08415, sec. 4)."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays, check_upstream, contiguous, use_kernels
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.observe import observed


class SiluSaved(NamedTuple):
    x: Array  # (...)


@observed
def silu_forward(x: Array, *, y_out: Array | None = None) -> tuple[Array, SiluSaved]:
    r""":math:`y = x\,\sigma(x)`, where :math:`\sigma(x) = 1 / (1 + e^{-x})`.

    Parameters
    ----------
    x : array (...)
    y_out : array (...), optional
        Overwritten with the result.
    """
    check_arrays("silu", x=x)
    y = empty_like(x) if y_out is None else y_out
    if use_kernels(x, y) and contiguous(y):
        from scratchgpt.kernels import silu

        silu.silu_forward(x, y)
        return y, SiluSaved(x)

    _sigmoid(x, out=y)
    y *= x
    return y, SiluSaved(x)


@observed
def silu_backward(dy: Array, saved: SiluSaved, *, dx_out: Array | None = None) -> Array:
    r"""Gradient of :func:`silu_forward`.

    .. math:: dx = dy\,\sigma(x) \left(1 + x\,(1 - \sigma(x))\right)

    Parameters
    ----------
    dy : array (...)
    saved : SiluSaved
    dx_out : array (...), optional
        Overwritten with the result. It may be dy.
    """
    x = saved.x
    check_upstream("silu", dy, x.shape)
    dx = empty(x.shape, like=dy) if dx_out is None else dx_out
    if use_kernels(dy, x, dx) and contiguous(dx):
        from scratchgpt.kernels import silu

        silu.silu_backward(dy, x, dx)
        return dx

    with scope():
        sigmoid, slope = empty(x.shape, like=dy), empty(x.shape, like=dy)
        _sigmoid(x, out=sigmoid)
        np.subtract(1, sigmoid, out=slope)
        slope *= x
        slope += 1
        slope *= sigmoid
        np.multiply(dy, slope, out=dx)
    return dx


def _sigmoid(x: Array, out: Array) -> None:
    """Compute 1 / (1 + exp(-x)) as (1 + tanh(x / 2)) / 2, which never overflows."""
    np.multiply(x, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1
    out *= 0.5
