"""Root-mean-square normalization (Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4)."""

from typing import NamedTuple

import numpy as np

from scratchgpt.accumulator import Into, collect
from scratchgpt.arguments import check_real
from scratchgpt.backend import (
    Array,
    as_rows,
    check_arrays,
    check_upstream,
    contiguous_rows,
    use_cuda,
    use_kernels,
)
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.layer_norm import check_parameters
from scratchgpt.ops.observe import observed


class RMSNormSaved(NamedTuple):
    x: Array  # (..., C)
    weight: Array | None  # (C,)
    rstd: Array  # (..., 1) reciprocal of the root of the mean square


@observed
def rms_norm_forward(
    x: Array,
    weight: Array | None = None,
    eps: float = 1e-6,
    *,
    y_out: Array | None = None,
) -> tuple[Array, RMSNormSaved]:
    r"""Divide the last axis by the root of its mean square, then scale.

    .. math::
        \hat x = \frac{x}{\sqrt{\tfrac1C \sum_c x_c^2 + \epsilon}} \qquad y = \gamma \hat x

    Unlike a layer norm, it subtracts no mean and adds no bias.

    Parameters
    ----------
    x : array (..., C)
    weight : array (C,), optional
        :math:`\gamma`; by default 1.
    eps : float
        Added to the mean square.
    y_out : array (..., C), optional
        Overwritten with the result.

    Returns
    -------
    y : array (..., C)
    saved : RMSNormSaved
        Contains ``x`` and one number per row; :math:`\hat x` is cheap to recompute.

    Raises
    ------
    ValueError
        If the sizes are incompatible.
    TypeError
        If the dtypes differ.
    """
    check_arrays("rms_norm", x=x)
    if weight is not None:
        check_arrays("rms_norm", x=x, weight=weight)
    check_parameters("rms_norm", x, weight, None)
    eps = check_real("rms_norm: eps", eps, least=0)
    y = empty_like(x) if y_out is None else y_out
    rstd = empty((*x.shape[:-1], 1), like=x)
    if use_kernels(x, weight, y) and x.size and contiguous_rows(y):
        from scratchgpt.kernels import rms_norm

        rms_norm.rms_norm_forward(x, weight, eps, y, rstd)
        return y, RMSNormSaved(x, weight, rstd)
    if use_cuda(x, weight, y):
        from scratchgpt.kernels.cuda import by_row

        by_row.rms_norm_forward(x, weight, eps, y, rstd)
        return y, RMSNormSaved(x, weight, rstd)

    rstd[..., 0] = np.einsum("...c,...c->...", x, x)
    rstd /= x.shape[-1]  # 1
    rstd += eps
    np.sqrt(rstd, out=rstd)
    np.divide(1.0, rstd, out=rstd)  # 2
    np.multiply(x, rstd, out=y)  # 3: x_hat
    if weight is not None:
        y *= weight  # 4
    return y, RMSNormSaved(x, weight, rstd)


@observed
def rms_norm_backward(
    dy: Array,
    saved: RMSNormSaved,
    *,
    residual_gradient: Array | None = None,
    dx_out: Array | None = None,
    dweight_into: Into = None,
) -> tuple[Array, Array | None]:
    r"""Gradients of :func:`rms_norm_forward`.

    The mean square of a row depends on all of its elements. The gradient through it is the
    projection of :math:`d\hat x = \gamma\,dy` on :math:`\hat x`:

    .. math::
        dx = r \left( d\hat x - \hat x \; \overline{d\hat x \, \hat x} \right)
        \qquad d\gamma = \sum_{\text{rows}} dy\,\hat x

    where a bar is the mean over the row, and r (``rstd``) is the factor that x was multiplied by.

    Parameters
    ----------
    dy : array (..., C)
    saved : RMSNormSaved
    residual_gradient : array (..., C), optional
        The gradient of x from the residual connection around the norm, which is added to dx.
    dx_out : array (..., C), optional
        Overwritten with dx. It may be dy.
    dweight_into : array (C,) or Accumulator, optional
        The gradient of the weight is added to this array. By default it is a new array.

    Returns
    -------
    dx : array (..., C)
    dweight : array (C,), or None if there was no weight
    """
    x, weight, rstd = saved
    check_upstream("rms_norm", dy, x.shape)
    dx = empty(x.shape, like=dy) if dx_out is None else dx_out
    dweight: Array | None = None
    if use_kernels(dy, x, weight, residual_gradient, dx) and x.size and contiguous_rows(dx):
        from scratchgpt.kernels import rms_norm

        dweight = rms_norm.rms_norm_backward(dy, x, weight, rstd, residual_gradient, dx)
        return dx, collect(dweight_into, dweight)
    if use_cuda(dy, x, weight, residual_gradient, dx):
        from scratchgpt.kernels.cuda import by_row

        dweight = by_row.rms_norm_backward(dy, x, weight, rstd, residual_gradient, dx)
        return dx, collect(dweight_into, dweight)

    with scope():
        x_hat = empty(x.shape, like=dy)
        np.multiply(x, rstd, out=x_hat)
        if weight is not None:
            dweight = np.einsum("nc,nc->c", as_rows(dy), as_rows(x_hat))  # undoes 4
        np.multiply(dy, 1 if weight is None else weight, out=dx)  # undoes 4: dx_hat
        projection = np.einsum("...c,...c->...", dx, x_hat)[..., None] / x.shape[-1]  # (..., 1)
        x_hat *= projection
        dx -= x_hat  # undoes 2: through the mean square
        dx *= rstd  # undoes 3
    if residual_gradient is not None:
        dx += residual_gradient
    return dx, collect(dweight_into, dweight)
