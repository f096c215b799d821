"""Residual connection (He et al. 2015, arXiv:1512.03385): y = x + f(x)."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays
from scratchgpt.memory import empty_like
from scratchgpt.ops.observe import observed


class ResidualSaved(NamedTuple):
    pass  # the derivative of a sum does not depend on its terms


@observed
def residual_forward(
    x: Array, branch: Array, *, y_out: Array | None = None
) -> tuple[Array, ResidualSaved]:
    """Compute ``x + branch`` for two arrays of the same shape.

    Parameters
    ----------
    x, branch : array (...)
    y_out : array (...), optional
        Overwritten with the sum. It may be x or branch.

    Raises
    ------
    ValueError
        If the shapes differ: a residual connection does not broadcast.
    TypeError
        If the dtypes differ.
    """
    check_arrays("residual", x=x, branch=branch)
    if x.shape != branch.shape:
        raise ValueError(f"residual: x is {x.shape} but branch is {branch.shape}")
    y = empty_like(x) if y_out is None else y_out
    np.add(x, branch, out=y)
    return y, ResidualSaved()


@observed
def residual_backward(dy: Array, saved: ResidualSaved) -> tuple[Array, Array]:
    """Gradients of :func:`residual_forward`: both are ``dy``.

    Both results are ``dy`` itself, not copies. If x fans out (it is also the input of the branch),
    the caller adds the gradient of the branch's input: that sum is why deep residual networks
    train.
    """
    return dy, dy
