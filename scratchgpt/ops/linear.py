"""Affine map of the last axis: y = x W + b."""

from typing import NamedTuple

from scratchgpt.accumulator import NOT_WANTED, Into, take
from scratchgpt.backend import Array, as_rows, check_arrays, check_upstream, use_kernels
from scratchgpt.memory import empty, scope
from scratchgpt.ops.observe import observed
from scratchgpt.precision import factors, multiply
from scratchgpt.recomputed import Recomputed, kept


class LinearSaved(NamedTuple):
    x: Array | Recomputed  # (..., n_in)
    weight: Array  # (n_in, n_out)
    has_bias: bool


@observed
def linear_forward(x: Array, weight: Array, bias: Array | None = None) -> tuple[Array, LinearSaved]:
    r"""Affine map :math:`y = x W + b` of the last axis.

    Parameters
    ----------
    x : array (..., n_in)
    weight : array (n_in, n_out)
        The layout of the published GPT-2 checkpoints (``Conv1D``).
    bias : array (n_out,), optional

    Returns
    -------
    y : array (..., n_out)
    saved : LinearSaved

    Raises
    ------
    ValueError
        If the sizes are incompatible.
    TypeError
        If the dtypes differ.
    """
    check_arrays("linear", x=x, weight=weight, bias=bias)
    if x.ndim == 0 or weight.ndim != 2:
        raise ValueError(
            f"linear: x is {x.shape} and weight {weight.shape}; use (..., n_in) and (n_in, n_out)"
        )
    n_in, n_out = weight.shape
    if x.shape[-1] != n_in:
        raise ValueError(
            f"linear: x has {x.shape[-1]} features but weight {weight.shape} takes {n_in}"
        )
    if bias is not None and bias.shape != (n_out,):
        raise ValueError(f"linear: weight is {weight.shape} but bias is {bias.shape}")

    y = empty((*x.shape[:-1], n_out), like=x)
    if use_kernels(x, weight, bias) and x.size and weight.size:
        from scratchgpt.kernels.gemm import matmul

        matmul(as_rows(x), weight, as_rows(y), bias=bias)
        return y, LinearSaved(x, weight, bias is not None)

    with scope():
        x_factor, weight_factor = factors(as_rows(x), weight)
        multiply(x_factor, weight_factor, out=as_rows(y))
    if bias is not None:
        y += bias
    return y, LinearSaved(x, weight, bias is not None)


@observed
def linear_backward(
    dy: Array,
    saved: LinearSaved,
    *,
    dx_out: Array | None = None,
    dweight_into: Into = None,
    dbias_into: Into = None,
) -> tuple[Array, Array | None, Array | None]:
    r"""Gradients of :func:`linear_forward`.

    .. math::
        dx = dy\,W^\top \qquad dW = x^\top dy \qquad db = \sum_{\text{rows}} dy

    Parameters
    ----------
    dy : array (..., n_out)
    saved : LinearSaved
    dx_out : array (..., n_in), optional
        Overwritten with dx. It must be C-contiguous, and may be x.
    dweight_into, dbias_into : array or Accumulator, optional
        The gradients of the parameters are added to these arrays. By default they are new arrays.
        For ``NOT_WANTED``, the gradient is not computed, and the result is None.

    Returns
    -------
    dx : array (..., n_in)
    dweight : array (n_in, n_out)
    dbias : array (n_out,), or None if there was no bias

    Raises
    ------
    NotKeptError
        If ``saved.x`` is a :class:`scratchgpt.recomputed.Recomputed`.
    """
    x, weight, has_bias = kept(saved.x, "x", "linear_backward"), saved.weight, saved.has_bias
    n_out = weight.shape[1]
    check_upstream("linear", dy, (*x.shape[:-1], n_out))
    dx = empty(x.shape, like=dy) if dx_out is None else dx_out
    dweight, add_weight = take(dweight_into, weight.shape, like=dy)
    dbias, add_bias = take(dbias_into if has_bias else NOT_WANTED, (n_out,), like=dy)
    if dbias is not None and not add_bias:
        dbias[...] = 0
    x_rows, dy_rows = as_rows(x), as_rows(dy)  # (rows, n_in), (rows, n_out)
    # The kernel writes only to arrays with contiguous rows or columns.
    in_lines = dweight is None or dweight.itemsize in dweight.strides
    if use_kernels(dy, x, weight, dweight, dbias) and in_lines and x.size and weight.size:
        from scratchgpt.kernels.columns import add_rows
        from scratchgpt.kernels.gemm import matmul

        if dweight is not None:
            matmul(x_rows.T, dy_rows, dweight, accumulate=add_weight)
        matmul(dy_rows, weight.T, as_rows(dx))
        if dbias is not None:
            add_rows(dy_rows, dbias)
        return dx, dweight, dbias

    with scope():
        x_factor, dy_factor, weight_factor = factors(x_rows, dy_rows, weight)
        if dweight is not None and add_weight:
            # In the layout of dweight: then added and overwritten gradients agree in every bit.
            shape, is_turned = weight.shape, dweight.strides[0] < dweight.strides[1]
            product = empty(shape[::-1], like=dy).T if is_turned else empty(shape, like=dy)
            multiply(x_factor.T, dy_factor, out=product)
            dweight += product
        elif dweight is not None:
            multiply(x_factor.T, dy_factor, out=dweight)
        multiply(dy_factor, weight_factor.T, out=as_rows(dx))
    if dbias is not None:
        dbias += dy_rows.sum(axis=0)
    return dx, dweight, dbias
