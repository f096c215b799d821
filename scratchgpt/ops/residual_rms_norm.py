"""Residual connection followed by RMS normalization, in one pass over the rows."""

from typing import NamedTuple

from scratchgpt.arguments import check_real
from scratchgpt.backend import Array, check_arrays, check_upstream, contiguous_rows, use_kernels
from scratchgpt.memory import empty, empty_like
from scratchgpt.ops.layer_norm import check_parameters
from scratchgpt.ops.observe import observed
from scratchgpt.ops.residual import residual_forward
from scratchgpt.ops.rms_norm import RMSNormSaved, rms_norm_backward, rms_norm_forward


class ResidualRMSNormSaved(NamedTuple):
    norm: RMSNormSaved  # of the normalization of the sum


@observed
def residual_rms_norm_forward(
    x: Array,
    branch: Array,
    weight: Array | None = None,
    eps: float = 1e-6,
    *,
    y_out: Array | None = None,
    n_out: Array | None = None,
) -> tuple[tuple[Array, Array], ResidualRMSNormSaved]:
    r""":func:`residual_forward`, then :func:`rms_norm_forward` of its result.

    .. math:: y = x + f \qquad n = \mathrm{rms\_norm}(y)

    Each row of the sum is normalized while it is still in the CPU cache.

    Parameters
    ----------
    x, branch : array (..., C)
    weight : array (C,), optional
    eps : float
        Added to the mean square.
    y_out, n_out : array (..., C), optional
        Overwritten with the results. ``y_out`` may be x or the branch.

    Returns
    -------
    (y, n) : arrays (..., C)
        The sum and its normalization.
    saved : ResidualRMSNormSaved

    Raises
    ------
    ValueError
        If the shapes are incompatible.
    TypeError
        If the dtypes differ.
    """
    check_arrays("residual_rms_norm", x=x, branch=branch)
    if weight is not None:
        check_arrays("residual_rms_norm", x=x, weight=weight)
    if x.shape != branch.shape:
        raise ValueError(f"residual_rms_norm: x is {x.shape} but branch is {branch.shape}")
    check_parameters("residual_rms_norm", x, weight, None)
    eps = check_real("residual_rms_norm: eps", eps, least=0)
    if use_kernels(x, branch, weight, y_out, n_out) and x.size and contiguous_rows(y_out, n_out):
        from scratchgpt.kernels import rms_norm

        y = empty_like(x) if y_out is None else y_out
        n = empty_like(x) if n_out is None else n_out
        rstd = empty((*x.shape[:-1], 1), like=x)
        rms_norm.residual_rms_norm_forward(x, branch, weight, eps, y, n, rstd)
        return (y, n), ResidualRMSNormSaved(RMSNormSaved(y, weight, rstd))

    y, _ = residual_forward(x, branch, y_out=y_out)
    n, norm = rms_norm_forward(y, weight, eps, y_out=n_out)
    return (y, n), ResidualRMSNormSaved(norm)


@observed
def residual_rms_norm_backward(
    doutput: tuple[Array, Array],
    saved: ResidualRMSNormSaved,
    *,
    dx_out: Array | None = None,
) -> tuple[Array, Array, Array | None]:
    r"""Gradients of :func:`residual_rms_norm_forward`.

    The sum is used twice, so its gradient has two terms: the upstream gradient of y, and the
    gradient through the norm. The sum of both is the gradient of x and of the branch.

    Parameters
    ----------
    doutput : (dy, dn), arrays (..., C)
    saved : ResidualRMSNormSaved
    dx_out : array (..., C), optional
        Overwritten with dx.

    Returns
    -------
    dx, dbranch : array (..., C)
        Both results are the same array.
    dweight : array (C,), or None if there was no weight
    """
    dy, dn = doutput
    for upstream in (dy, dn):
        check_upstream("residual_rms_norm", upstream, saved.norm.x.shape)
    dx, dweight = rms_norm_backward(dn, saved.norm, residual_gradient=dy, dx_out=dx_out)
    return dx, dx, dweight
