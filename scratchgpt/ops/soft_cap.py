"""Soft cap of scores or logits (Gemma Team 2024, arXiv:2408.00118, section 2)."""

import math
from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import check_real
from scratchgpt.backend import Array, check_arrays, check_upstream, contiguous, use_kernels
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.observe import observed


class SoftCapSaved(NamedTuple):
    y: Array  # (...)
    cap: float


@observed
def soft_cap_forward(
    x: Array, cap: float, *, y_out: Array | None = None
) -> tuple[Array, SoftCapSaved]:
    r""":math:`y = c \tanh(x / c)`: nearly x while x is small, and never beyond ±c.

    Parameters
    ----------
    x : array (...)
    cap : float
        The limit c, greater than 0.
    y_out : array (...), optional
        Overwritten with the result. It may be x.

    Raises
    ------
    ValueError
        If the cap is not greater than 0, or infinite.
    """
    check_arrays("soft_cap", x=x)
    cap = check_real("soft_cap: cap", cap)
    if not 0 < cap < math.inf:
        raise ValueError(f"soft_cap: cap={cap} must be greater than 0 and finite")
    y = empty_like(x) if y_out is None else y_out
    if use_kernels(x, y, only=np.float32) and x.size and contiguous(y):
        from scratchgpt.kernels import soft_cap

        soft_cap.soft_cap_forward(x, cap, y)
        return y, SoftCapSaved(y, cap)

    np.multiply(x, 1 / cap, out=y)  # 1
    np.tanh(y, out=y)  # 2
    y *= cap  # 3
    return y, SoftCapSaved(y, cap)


@observed
def soft_cap_backward(dy: Array, saved: SoftCapSaved, *, dx_out: Array | None = None) -> Array:
    r"""Gradient of :func:`soft_cap_forward`: :math:`dx = dy\,(1 - (y / c)^2)`.

    Parameters
    ----------
    dy : array (...)
    saved : SoftCapSaved
    dx_out : array (...), optional
        Overwritten with the result. It may be dy.
    """
    y, cap = saved
    check_upstream("soft_cap", dy, y.shape)
    dx = empty(y.shape, like=dy) if dx_out is None else dx_out
    if use_kernels(dy, y, dx) and dy.size and contiguous(dx):
        from scratchgpt.kernels import soft_cap

        soft_cap.soft_cap_backward(dy, y, cap, dx)
        return dx

    with scope():
        slope = empty(y.shape, like=dy)
        np.multiply(y, 1 / cap, out=slope)
        slope *= slope
        np.subtract(1, slope, out=slope)
        np.multiply(dy, slope, out=dx)
    return dx
