"""Gated product of a feed-forward network (Shazeer 2020, arXiv:2002.05202, eq. 5-6).

With the activation silu it is SwiGLU, with gelu GEGLU.
"""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays, check_upstream, contiguous, use_kernels
from scratchgpt.memory import empty, scope
from scratchgpt.ops.gelu import GeluSaved, gelu_backward, gelu_forward
from scratchgpt.ops.observe import observed
from scratchgpt.ops.relu import ReluSaved, relu_backward, relu_forward
from scratchgpt.ops.silu import SiluSaved, silu_backward, silu_forward

GATES = ("silu", "gelu_tanh", "gelu", "relu")


class GatedProductSaved(NamedTuple):
    x: Array  # (..., 2F)
    activation: str


@observed
def gated_product_forward(
    x: Array, activation: str = "silu", *, y_out: Array | None = None
) -> tuple[Array, GatedProductSaved]:
    r"""Multiply the second half of the channels by the activated first half, the gate.

    .. math:: y = \mathrm{act}(g)\,u \qquad x = [\,g \mid u\,]

    Parameters
    ----------
    x : array (..., 2F)
        The gate g, then u, which the field calls "up".
    activation : {"silu", "gelu_tanh", "gelu", "relu"}
    y_out : array (..., F), optional
        Overwritten with the result.

    Returns
    -------
    y : array (..., F)
    saved : GatedProductSaved
        Contains only ``x``; the activated gate is cheap to recompute.

    Raises
    ------
    ValueError
        If the number of channels is odd, or there is no such activation.
    """
    check_arrays("gated_product", x=x)
    if activation not in GATES:
        raise ValueError(
            f"gated_product: activation must be one of {', '.join(GATES)}, got {activation!r}"
        )
    if x.ndim == 0 or x.shape[-1] % 2:
        raise ValueError(f"gated_product: x is {x.shape}; its last axis must have two halves")
    gate, up = _halves(x)
    y = empty(gate.shape, like=x) if y_out is None else y_out
    if activation == "silu" and use_kernels(x, y) and contiguous(y):
        from scratchgpt.kernels import gated_product

        gated_product.gated_product_forward(x, y)
        return y, GatedProductSaved(x, activation)

    _activate(gate, activation, y)  # 1
    y *= up  # 2
    return y, GatedProductSaved(x, activation)


@observed
def gated_product_backward(
    dy: Array, saved: GatedProductSaved, *, dx_out: Array | None = None
) -> Array:
    r"""Gradient of :func:`gated_product_forward`: each factor gets dy times the other one.

    .. math:: dg = dy\,u\,\mathrm{act}'(g) \qquad du = dy\,\mathrm{act}(g)

    Parameters
    ----------
    dy : array (..., F)
    saved : GatedProductSaved
    dx_out : array (..., 2F), optional
        Overwritten with the result, ``[dg | du]``.

    Returns
    -------
    dx : array (..., 2F)
    """
    x, activation = saved
    gate, up = _halves(x)
    check_upstream("gated_product", dy, gate.shape)
    dx = empty(x.shape, like=dy) if dx_out is None else dx_out
    if activation == "silu" and use_kernels(dy, x, dx) and contiguous(dx):
        from scratchgpt.kernels import gated_product

        gated_product.gated_product_backward(dy, x, dx)
        return dx

    dgate, dup = _halves(dx)
    with scope():
        activated, dactivated = empty(gate.shape, like=dy), empty(gate.shape, like=dy)
        _activate(gate, activation, activated)
        np.multiply(dy, up, out=dactivated)  # undoes 2
        np.multiply(dy, activated, out=dup)
        dgate[...] = _activate_backward(dactivated, gate, activation)  # undoes 1
    return dx


def _halves(x: Array) -> tuple[Array, Array]:
    half = x.shape[-1] // 2
    return x[..., :half], x[..., half:]


def _activate(x: Array, activation: str, y: Array) -> None:
    if activation == "silu":
        silu_forward(x, y_out=y)
    elif activation == "relu":
        relu_forward(x, y_out=y)
    else:
        gelu_forward(x, _GELU[activation], y_out=y)


def _activate_backward(dy: Array, x: Array, activation: str) -> Array:
    if activation == "silu":
        return silu_backward(dy, SiluSaved(x), dx_out=dy)
    if activation == "relu":
        return relu_backward(dy, ReluSaved(x), dx_out=dy)
    return gelu_backward(dy, GeluSaved(x, _GELU[activation]), dx_out=dy)


_GELU = {"gelu_tanh": "tanh", "gelu": "none"}
