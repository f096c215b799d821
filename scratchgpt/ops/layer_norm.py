"""Layer normalization (Ba, Kiros and Hinton 2016, arXiv:1607.06450, eq. 3-4)."""

from typing import NamedTuple

import numpy as np

from scratchgpt.accumulator import Into, collect
from scratchgpt.arguments import check_real
from scratchgpt.backend import (
    Array,
    as_rows,
    check_arrays,
    check_upstream,
    contiguous,
    use_cuda,
    use_kernels,
)
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.observe import observed


class LayerNormSaved(NamedTuple):
    x: Array  # (..., C)
    weight: Array  # (C,)
    mean: Array  # (..., 1)
    rstd: Array  # (..., 1) reciprocal of the standard deviation
    has_bias: bool


@observed
def layer_norm_forward(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    eps: float = 1e-5,
    *,
    y_out: Array | None = None,
) -> tuple[Array, LayerNormSaved]:
    r"""Normalize the last axis to mean 0 and variance 1, then scale and shift.

    .. math::
        \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \qquad y = \gamma \hat x + \beta

    where :math:`\mu` and :math:`\sigma^2` are the mean and the (biased) variance of each row.

    Parameters
    ----------
    x : array (..., C)
    weight : array (C,)
        :math:`\gamma`.
    bias : array (C,), optional
        :math:`\beta`.
    eps : float
        Added to the variance.
    y_out : array (..., C), optional
        Overwritten with the result.

    Returns
    -------
    y : array (..., C)
    saved : LayerNormSaved
        Contains ``x`` and two numbers per row; :math:`\hat x` is cheap to recompute.

    Raises
    ------
    ValueError
        If the sizes are incompatible.
    TypeError
        If the dtypes differ.
    """
    check_arrays("layer_norm", x=x, weight=weight, bias=bias)
    check_parameters("layer_norm", x, weight, bias)
    eps = check_real("layer_norm: eps", eps, least=0)
    n_channels = x.shape[-1]
    y = empty_like(x) if y_out is None else y_out
    mean = empty((*x.shape[:-1], 1), like=x)
    rstd = empty((*x.shape[:-1], 1), like=x)
    if use_kernels(x, weight, bias, y) and x.size and contiguous(y):
        from scratchgpt.kernels import layer_norm

        layer_norm.layer_norm_forward(x, weight, bias, eps, y, mean, rstd)
        return y, LayerNormSaved(x, weight, mean, rstd, bias is not None)
    if use_cuda(x, weight, bias, y):
        from scratchgpt.kernels.cuda import by_row

        by_row.layer_norm_forward(x, weight, bias, eps, y, mean, rstd)
        return y, LayerNormSaved(x, weight, mean, rstd, bias is not None)

    np.mean(x, axis=-1, keepdims=True, out=mean)  # 1
    np.subtract(x, mean, out=y)  # 2: x - mean
    # np.var would take an absolute value, but the variance must be analytic for the complex step.
    rstd[..., 0] = np.einsum("...c,...c->...", y, y)
    rstd /= n_channels
    rstd += eps
    np.sqrt(rstd, out=rstd)
    np.divide(1.0, rstd, out=rstd)  # 3
    y *= rstd  # 4: x_hat
    y *= weight  # 5
    if bias is not None:
        y += bias  # 6
    return y, LayerNormSaved(x, weight, mean, rstd, bias is not None)


@observed
def layer_norm_backward(
    dy: Array,
    saved: LayerNormSaved,
    *,
    residual_gradient: Array | None = None,
    dx_out: Array | None = None,
    dweight_into: Into = None,
    dbias_into: Into = None,
) -> tuple[Array, Array | None, Array | None]:
    r"""Gradients of :func:`layer_norm_forward`.

    The mean and the variance of a row depend on all of its elements. The gradient through them is
    the projection of :math:`d\hat x = \gamma\,dy` on the constant vector and on :math:`\hat x`:

    .. math::
        dx = \frac{1}{\sigma} \left( d\hat x - \overline{d\hat x}
             - \hat x \; \overline{d\hat x \, \hat x} \right)
        \qquad d\gamma = \sum_{\text{rows}} dy\,\hat x
        \qquad d\beta = \sum_{\text{rows}} dy

    where a bar is the mean over the row.

    Parameters
    ----------
    dy : array (..., C)
    saved : LayerNormSaved
    residual_gradient : array (..., C), optional
        The gradient of x from the residual connection around the norm, which is added to dx.
    dx_out : array (..., C), optional
        Overwritten with dx.
    dweight_into, dbias_into : array (C,) or Accumulator, optional
        The gradients of the parameters are added to these arrays. By default they are new arrays.

    Returns
    -------
    dx : array (..., C)
    dweight : array (C,)
    dbias : array (C,), or None if there was no bias
    """
    x, weight, mean, rstd, has_bias = saved
    check_upstream("layer_norm", dy, x.shape)
    n_channels = x.shape[-1]
    dx = empty(x.shape, like=dy) if dx_out is None else dx_out
    dweight: Array
    dbias: Array | None
    if use_kernels(dy, x, weight, residual_gradient, dx) and x.size and contiguous(dx):
        from scratchgpt.kernels import layer_norm

        dweight, dbias = layer_norm.layer_norm_backward(
            dy, x, weight, mean, rstd, residual_gradient, dx
        )
        return dx, collect(dweight_into, dweight), collect(dbias_into, dbias if has_bias else None)
    if use_cuda(dy, x, weight, residual_gradient, dx):
        from scratchgpt.kernels.cuda import by_row

        dweight, dbias = by_row.layer_norm_backward(
            dy, x, weight, mean, rstd, residual_gradient, dx
        )
        return dx, collect(dweight_into, dweight), collect(dbias_into, dbias if has_bias else None)

    dbias = as_rows(dy).sum(axis=0) if has_bias else None  # undoes 6
    with scope():
        x_hat = empty(x.shape, like=dy)
        np.subtract(x, mean, out=x_hat)
        x_hat *= rstd
        np.multiply(dy, x_hat, out=dx)
        dweight = as_rows(dx).sum(axis=0)  # undoes 5

        np.multiply(dy, weight, out=dx)  # dx_hat
        projection = np.einsum("...c,...c->...", dx, x_hat)[..., None] / n_channels  # (..., 1)
        dx -= dx.mean(axis=-1, keepdims=True)  # undoes 1: through the mean
        x_hat *= projection
        dx -= x_hat  # undoes 3: through the variance
        dx *= rstd  # undoes 4
    if residual_gradient is not None:
        dx += residual_gradient
    return dx, collect(dweight_into, dweight), collect(dbias_into, dbias)


def check_parameters(op: str, x: Array, weight: Array | None, bias: Array | None) -> None:
    """Raise ValueError unless x has channels, and weight and bias one element per channel."""
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"{op}: x is {x.shape} and has no channels")
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and parameter.shape != x.shape[-1:]:
            raise ValueError(f"{op}: x has {x.shape[-1]} channels but {name} is {parameter.shape}")
