"""Logarithm of the softmax, computed without the logarithm of a small number."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.observe import observed


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
    """
    y = empty_like(x)
    np.subtract(x, log_sum_exp(x, axis), out=y)
    return y, LogSoftmaxSaved(y, axis)


@observed
def log_softmax_backward(dy: Array, saved: LogSoftmaxSaved) -> Array:
    r"""Gradient of :func:`log_softmax_forward`.

    .. math:: dx_i = dy_i - e^{y_i} \sum_j dy_j
    """
    y, axis = saved
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
