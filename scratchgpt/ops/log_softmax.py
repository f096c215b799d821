"""Logarithm of the softmax, computed without the logarithm of a small number."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays, check_upstream
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.observe import observed
from scratchgpt.ops.softmax import check_axis


class LogSoftmaxSaved(NamedTuple):
    y: Array  # (...)
    axis: int


@observed
def log_softmax_forward(x: Array, axis: int = -1) -> tuple[Array, LogSoftmaxSaved]:
    r"""Log-softmax along one axis, :math:`y_i = x_i - \log \sum_j e^{x_j}`.

    Parameters
    ----------
    x : array (...)
        An entry of -inf excludes its class; each line along the axis needs a finite entry.
    axis : int

    Returns
    -------
    y : array (...)
    saved : LogSoftmaxSaved

    Raises
    ------
    ValueError
        If x has no such axis.
    TypeError
        If x is not a floating-point array.
    """
    check_arrays("log_softmax", x=x)
    check_axis("log_softmax", x, axis)
    y = empty_like(x)
    if x.size:
        np.subtract(x, log_sum_exp(x, axis), out=y)
    return y, LogSoftmaxSaved(y, axis)


@observed
def log_softmax_backward(dy: Array, saved: LogSoftmaxSaved) -> Array:
    r"""Gradient of :func:`log_softmax_forward`.

    .. math:: dx_i = dy_i - e^{y_i} \sum_j dy_j
    """
    y, axis = saved
    check_upstream("log_softmax", dy, y.shape)
    dx = empty(y.shape, like=dy)
    np.exp(y, out=dx)
    dx *= dy.sum(axis=axis, keepdims=True)
    np.subtract(dy, dx, out=dx)
    return dx


def log_sum_exp(x: Array, axis: int) -> Array:
    r"""Compute :math:`\log \sum_j e^{x_j}` along ``axis``, kept with size 1; safe for large x."""
    shift = x.real.max(axis=axis, keepdims=True)
    with scope():
        exponentials = empty_like(x)
        np.subtract(x, shift, out=exponentials)
        np.exp(exponentials, out=exponentials)
        total = exponentials.sum(axis=axis, keepdims=True)
    return np.log(total) + shift
