"""Rectified linear unit."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays, check_upstream, contiguous, use_kernels
from scratchgpt.memory import empty, empty_like
from scratchgpt.ops.observe import observed


class ReluSaved(NamedTuple):
    x: Array  # (...)


@observed
def relu_forward(x: Array, *, y_out: Array | None = None) -> tuple[Array, ReluSaved]:
    r""":math:`y = \max(x, 0)`; for complex numbers, the sign of the real part decides.

    Parameters
    ----------
    x : array (...)
    y_out : array (...), optional
        Overwritten with the result.
    """
    check_arrays("relu", x=x)
    y = empty_like(x) if y_out is None else y_out
    if use_kernels(x, y) and contiguous(y):
        from scratchgpt.kernels import relu

        relu.relu(x, x, out=y)
        return y, ReluSaved(x)

    y[...] = 0
    np.copyto(y, x, where=_passes(x))
    return y, ReluSaved(x)


@observed
def relu_backward(dy: Array, saved: ReluSaved, *, dx_out: Array | None = None) -> Array:
    r"""Gradient of :func:`relu_forward`: :math:`dx = dy\,[x > 0]`, which is 0 at the kink.

    Parameters
    ----------
    dy : array (...)
    saved : ReluSaved
    dx_out : array (...), optional
        Overwritten with the result. It may be dy.
    """
    check_upstream("relu", dy, saved.x.shape)
    dx = empty(saved.x.shape, like=dy) if dx_out is None else dx_out
    if use_kernels(dy, saved.x, dx) and contiguous(dx):
        from scratchgpt.kernels import relu

        relu.relu(dy, saved.x, out=dx)
        return dx

    np.copyto(dx, dy)
    np.copyto(dx, 0, where=~_passes(saved.x))
    return dx


def _passes(x: Array) -> Array:
    """Return where x is not set to 0. With this form of the comparison, NaN is preserved."""
    return ~(x.real <= 0)
