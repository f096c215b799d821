"""Gaussian error linear unit (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""

import math
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import (
    Array,
    check_arrays,
    check_upstream,
    contiguous,
    use_cuda,
    use_kernels,
)
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.observe import observed

SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
CUBIC = 0.044715


class GeluSaved(NamedTuple):
    x: Array  # (...)
    approximate: str


@observed
def gelu_forward(
    x: Array, approximate: str = "none", *, y_out: Array | None = None
) -> tuple[Array, GeluSaved]:
    r"""Gaussian error linear unit, exact or with the tanh approximation.

    .. math::
        \mathrm{none:}\quad y = x\,\Phi(x) = \tfrac{x}{2} \left(1 + \mathrm{erf}(x/\sqrt2)\right)
        \qquad
        \mathrm{tanh:}\quad y = \tfrac{x}{2} \left(1 + \tanh u\right), \quad
        u = \sqrt{2/\pi}\,(x + 0.044715\,x^3)

    Parameters
    ----------
    x : array (...)
    approximate : {"none", "tanh"}
        PyTorch's names. GPT and GPT-2 use ``"tanh"``.
    y_out : array (...), optional
        Overwritten with the result.

    Returns
    -------
    y : array (...)
    saved : GeluSaved

    Raises
    ------
    ValueError
        If ``approximate`` is neither ``"none"`` nor ``"tanh"``.
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    check_arrays("gelu", x=x)
    y = empty_like(x) if y_out is None else y_out
    if use_kernels(x, y) and contiguous(y):
        from scratchgpt.kernels import gelu

        gelu.gelu_forward(x, approximate, y)
        return y, GeluSaved(x, approximate)
    if use_cuda(x, y):
        from scratchgpt.kernels.cuda import pointwise

        pointwise.gelu_forward(x, approximate, y)
        return y, GeluSaved(x, approximate)

    if approximate == "tanh":
        _tanh_u(x, out=y)
    else:
        _erf(x, out=y)
    y += 1
    y *= x
    y *= 0.5
    return y, GeluSaved(x, approximate)


@observed
def gelu_backward(dy: Array, saved: GeluSaved, *, dx_out: Array | None = None) -> Array:
    r"""Gradient of :func:`gelu_forward`.

    .. math::
        \mathrm{none:}\quad dx = dy \left(\Phi(x) + x\,\varphi(x)\right)
        \qquad
        \mathrm{tanh:}\quad dx = \tfrac{dy}{2} \left( 1 + \tanh u
            + x\,(1 - \tanh^2 u)\,u' \right), \quad
        u' = \sqrt{2/\pi}\,(1 + 3 \cdot 0.044715\,x^2)

    where :math:`\varphi` is the density of the standard normal distribution.

    Parameters
    ----------
    dy : array (...)
    saved : GeluSaved
    dx_out : array (...), optional
        Overwritten with the result. It may be dy.
    """
    x, approximate = saved
    check_upstream("gelu", dy, x.shape)
    dx = empty(x.shape, like=dy) if dx_out is None else dx_out
    if use_kernels(dy, x, dx) and contiguous(dx):
        from scratchgpt.kernels import gelu

        gelu.gelu_backward(dy, x, approximate, dx)
        return dx
    if use_cuda(dy, x, dx):
        from scratchgpt.kernels.cuda import pointwise

        pointwise.gelu_backward(dy, x, approximate, dx)
        return dx

    with scope():
        slope, rest = empty(x.shape, like=dy), empty(x.shape, like=dy)
        if approximate == "tanh":
            _tanh_u(x, out=slope)
            np.multiply(slope, slope, out=rest)
            np.subtract(1, rest, out=rest)  # 1 - tanh²
            rest *= x
            slope += 1
            with scope():
                u_prime = empty(x.shape, like=dy)
                np.multiply(x, x, out=u_prime)
                u_prime *= 3 * CUBIC * SQRT_2_OVER_PI
                u_prime += SQRT_2_OVER_PI
                rest *= u_prime
            slope += rest
            slope *= 0.5
        else:
            _erf(x, out=slope)
            slope += 1
            slope *= 0.5  # Φ(x)
            np.multiply(x, x, out=rest)
            rest *= -0.5
            np.exp(rest, out=rest)
            rest *= 1 / math.sqrt(2 * math.pi)  # φ(x)
            rest *= x
            slope += rest
        np.multiply(dy, slope, out=dx)
    return dx


def _tanh_u(x: Array, out: Array) -> None:
    """Compute tanh of u = sqrt(2/π)(x + 0.044715 x³), written as x (1 + 0.044715 x²)."""
    np.multiply(x, x, out=out)
    out *= CUBIC
    out += 1
    out *= x
    out *= SQRT_2_OVER_PI
    np.tanh(out, out=out)


def _erf(x: Array, out: Array) -> None:
    """Compute erf of x/sqrt(2), also for complex numbers."""
    from scipy.special import erf  # the import takes half a second; only the exact form needs it

    if x.dtype in (np.longdouble, np.clongdouble):
        raise TypeError(f"gelu: x is {x.dtype}; use float32, float64 or complex128")
    np.multiply(x, 1 / math.sqrt(2), out=out)
    erf(out, out=out)
