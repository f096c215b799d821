"""Residual connection followed by layer normalization, in one pass over the rows."""

from typing import NamedTuple

from scratchgpt.arguments import check_real
from scratchgpt.backend import Array, check_arrays, check_upstream, contiguous, use_kernels
from scratchgpt.memory import empty, empty_like
from scratchgpt.ops.layer_norm import (
    LayerNormSaved,
    check_parameters,
    layer_norm_backward,
    layer_norm_forward,
)
from scratchgpt.ops.observe import observed
from scratchgpt.ops.residual import residual_forward


class ResidualLayerNormSaved(NamedTuple):
    norm: LayerNormSaved  # of the normalization of the sum


@observed
def residual_layer_norm_forward(
    x: Array,
    branch: Array,
    weight: Array,
    bias: Array | None = None,
    eps: float = 1e-5,
    *,
    y_out: Array | None = None,
    n_out: Array | None = None,
) -> tuple[tuple[Array, Array], ResidualLayerNormSaved]:
    r""":func:`residual_forward`, then :func:`layer_norm_forward` of its result.

    .. math:: y = x + f \qquad n = \mathrm{layer\_norm}(y)

    Each row of the sum is normalized while it is still in the CPU cache.

    Parameters
    ----------
    x, branch : array (..., C)
    weight : array (C,)
    bias : array (C,), optional
    eps : float
        Added to the variance.
    y_out, n_out : array (..., C), optional
        Overwritten with the results. ``y_out`` may be x or the branch.

    Returns
    -------
    (y, n) : arrays (..., C)
        The sum and its normalization.
    saved : ResidualLayerNormSaved

    Raises
    ------
    ValueError
        If the shapes are incompatible.
    TypeError
        If the dtypes differ.
    """
    check_arrays("residual_layer_norm", x=x, branch=branch, weight=weight, bias=bias)
    if x.shape != branch.shape:
        raise ValueError(f"residual_layer_norm: x is {x.shape} but branch is {branch.shape}")
    check_parameters("residual_layer_norm", x, weight, bias)
    eps = check_real("residual_layer_norm: eps", eps, least=0)
    if use_kernels(x, branch, weight, bias, y_out, n_out) and x.size and contiguous(y_out, n_out):
        from scratchgpt.kernels import layer_norm

        y = empty_like(x) if y_out is None else y_out
        n = empty_like(x) if n_out is None else n_out
        mean = empty((*x.shape[:-1], 1), like=x)
        rstd = empty((*x.shape[:-1], 1), like=x)
        layer_norm.residual_layer_norm_forward(x, branch, weight, bias, eps, y, n, mean, rstd)
        norm = LayerNormSaved(y, weight, mean, rstd, bias is not None)
        return (y, n), ResidualLayerNormSaved(norm)

    y, _ = residual_forward(x, branch, y_out=y_out)
    n, norm = layer_norm_forward(y, weight, bias, eps, y_out=n_out)
    return (y, n), ResidualLayerNormSaved(norm)


@observed
def residual_layer_norm_backward(
    doutput: tuple[Array, Array],
    saved: ResidualLayerNormSaved,
    *,
    dx_out: Array | None = None,
) -> tuple[Array, Array, Array | None, Array | None]:
    r"""Gradients of :func:`residual_layer_norm_forward`.

    The sum is used twice, so its gradient has two terms: the upstream gradient of y, and the
    gradient through the norm. The sum of both is the gradient of x and of the branch.

    Parameters
    ----------
    doutput : (dy, dn), arrays (..., C)
    saved : ResidualLayerNormSaved
    dx_out : array (..., C), optional
        Overwritten with dx.

    Returns
    -------
    dx, dbranch : array (..., C)
        Both results are the same array.
    dweight : array (C,)
    dbias : array (C,), or None if there was no bias
    """
    dy, dn = doutput
    for upstream in (dy, dn):
        check_upstream("residual_layer_norm", upstream, saved.norm.x.shape)
    dx, dweight, dbias = layer_norm_backward(dn, saved.norm, residual_gradient=dy, dx_out=dx_out)
    return dx, dx, dweight, dbias
