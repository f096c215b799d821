"""Softmax, which turns scores into probabilities."""

from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import plain, whole_number
from scratchgpt.backend import Array, check_arrays, check_upstream, use_cuda, use_kernels
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.observe import observed


class SoftmaxSaved(NamedTuple):
    y: Array  # (...)
    axis: int


@observed
def softmax_forward(x: Array, axis: int = -1) -> tuple[Array, SoftmaxSaved]:
    r"""Softmax along one axis, :math:`y_i = e^{x_i} / \sum_j e^{x_j}`.

    The maximum is subtracted first, so no finite input overflows. An entry of -inf gets
    probability 0. If all entries of a line are -inf (everything is masked), the result is 0, not
    NaN.

    Parameters
    ----------
    x : array (...)
    axis : int

    Returns
    -------
    y : array (...)
    saved : SoftmaxSaved
        Contains only ``y``; the backward pass needs no other array.

    Raises
    ------
    ValueError
        If x has no such axis.
    TypeError
        If x is not a floating-point array.
    """
    check_arrays("softmax", x=x)
    check_axis("softmax", x, axis)
    y = empty_like(x)
    softmax_into(x, axis, out=y)
    return y, SoftmaxSaved(y, axis)


@observed
def softmax_backward(dy: Array, saved: SoftmaxSaved) -> Array:
    r"""Gradient of :func:`softmax_forward`.

    The Jacobian is :math:`\partial y_i / \partial x_j = y_i (\delta_{ij} - y_j)`, so

    .. math:: dx = y \left( dy - \sum_j dy_j\,y_j \right)
    """
    y, axis = saved
    check_upstream("softmax", dy, y.shape)
    dx = empty(y.shape, like=dy)
    softmax_backward_into(dy, y, axis, out=dx)
    return dx


def check_axis(op: str, x: Array, axis: int) -> None:
    """Raise ValueError unless x has the axis."""
    number = whole_number(axis)
    if number is None or not -x.ndim <= number < x.ndim:
        raise ValueError(f"{op}: x is {x.shape} and has no axis={plain(axis)!r}")


def softmax_into(x: Array, axis: int, out: Array) -> None:
    """Compute the softmax into ``out`` (which may be ``x``)."""
    if x.size == 0:
        return
    if use_kernels(x, out) and _in_rows(axis, x, out):
        from scratchgpt.kernels import softmax

        softmax.softmax_forward(x, out)
        return
    if use_cuda(x, out) and _in_rows(axis, x, out):
        from scratchgpt.kernels.cuda import by_row

        by_row.softmax_forward(x, out)
        return

    shift = x.real.max(axis=axis, keepdims=True)
    shift[np.isneginf(shift)] = 0  # all entries are masked: exp(-inf - 0) = 0
    np.subtract(x, shift, out=out)
    np.exp(out, out=out)
    total = out.sum(axis=axis, keepdims=True)
    total[total == 0] = 1
    out /= total


def softmax_backward_into(dy: Array, y: Array, axis: int, out: Array) -> None:
    """Compute the gradient of the softmax into ``out`` (which may be ``dy``)."""
    if y.size == 0:
        return
    if use_kernels(dy, y, out) and _in_rows(axis, dy, y, out):
        from scratchgpt.kernels import softmax

        softmax.softmax_backward(dy, y, out)
        return
    if use_cuda(dy, y, out) and _in_rows(axis, dy, y, out):
        from scratchgpt.kernels.cuda import by_row

        by_row.softmax_backward(dy, y, out)
        return

    with scope():
        product = empty(y.shape, like=dy)
        np.multiply(dy, y, out=product)
        projection = product.sum(axis=axis, keepdims=True)
    np.subtract(dy, projection, out=out)
    out *= y


def _in_rows(axis: int, *arrays: Array) -> bool:
    """Whether the softmax runs along contiguous rows of these arrays."""
    last = arrays[0].ndim - 1
    return axis in (-1, last) and all(x.flags.c_contiguous for x in arrays)
