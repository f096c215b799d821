"""Rotary position embedding (Su et al. 2021, arXiv:2104.09864, eq. 34)."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, check_arrays, use_kernels
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.broadcast import broadcasts
from scratchgpt.ops.observe import observed

PAIRINGS = ("halves", "neighbors")


class RotarySaved(NamedTuple):
    cos: Array  # broadcasts to (..., T, D/2)
    sin: Array
    pairing: str


@observed
def rotary_forward(
    x: Array,
    cos: Array,
    sin: Array,
    pairing: str = "halves",
    *,
    y_out: Array | None = None,
) -> tuple[Array, RotarySaved]:
    r"""Rotate each pair of channels by the angle that belongs to the position and the pair.

    .. math::
        y_1 = x_1 \cos\theta - x_2 \sin\theta \qquad y_2 = x_2 \cos\theta + x_1 \sin\theta

    With angles :math:`\theta = t\,\omega`, the product of a query at position t and a key at
    position s depends on the positions only through t - s.

    Parameters
    ----------
    x : array (..., T, D)
        Queries or keys; D is even.
    cos, sin : array that broadcasts to (..., T, D/2)
        Cosine and sine of the angles. They are constants without a gradient, and real also if x is
        complex.
    pairing : {"halves", "neighbors"}
        The channels of pair i: i and i + D/2, as in GPT-NeoX and the files of Hugging Face; or 2i
        and 2i + 1, as in the paper and in Meta's Llama.
    y_out : array (..., T, D), optional
        Overwritten with the result. It may be x.

    Returns
    -------
    y : array (..., T, D)
    saved : RotarySaved
        The rotation is linear in x, so x is not needed.

    Raises
    ------
    ValueError
        If D is odd, the shapes are incompatible, or there is no such pairing.
    TypeError
        If x is not a floating-point array, or cos or sin has another precision.
    """
    if pairing not in PAIRINGS:
        raise ValueError(f"rotary: pairing must be one of {', '.join(PAIRINGS)}, got {pairing!r}")
    _check("x", x, cos, sin)
    y = empty_like(x) if y_out is None else y_out
    if use_kernels(x, cos, sin, y) and _kernel_can_write(y):
        from scratchgpt.kernels import rotary

        rotary.rotate(x, cos, sin, pairing, y, backwards=False)
        return y, RotarySaved(cos, sin, pairing)

    _rotate(x, cos, sin, pairing, y)
    return y, RotarySaved(cos, sin, pairing)


@observed
def rotary_backward(dy: Array, saved: RotarySaved, *, dx_out: Array | None = None) -> Array:
    r"""Gradient of :func:`rotary_forward`: the rotation by the opposite angle.

    .. math::
        dx_1 = dy_1 \cos\theta + dy_2 \sin\theta \qquad dx_2 = dy_2 \cos\theta - dy_1 \sin\theta

    The transpose of a rotation is its inverse.

    Parameters
    ----------
    dy : array (..., T, D)
    saved : RotarySaved
    dx_out : array (..., T, D), optional
        Overwritten with the result. It may be dy.

    Returns
    -------
    dx : array (..., T, D)
    """
    cos, sin, pairing = saved
    _check("dy", dy, cos, sin)
    dx = empty_like(dy) if dx_out is None else dx_out
    if use_kernels(dy, cos, sin, dx) and _kernel_can_write(dx):
        from scratchgpt.kernels import rotary

        rotary.rotate(dy, cos, sin, pairing, dx, backwards=True)
        return dx

    _rotate(dy, cos, -sin, pairing, dx)
    return dx


def _check(name: str, x: Array, cos: Array, sin: Array) -> None:
    check_arrays("rotary", **{name: x})
    check_arrays("rotary", **{name: x.real}, cos=cos, sin=sin)
    if x.ndim < 2 or x.shape[-1] == 0 or x.shape[-1] % 2:
        raise ValueError(f"rotary: {name} is {x.shape}; pass (..., positions, channels), in pairs")
    pairs = (*x.shape[:-1], x.shape[-1] // 2)
    for table_name, table in (("cos", cos), ("sin", sin)):
        if not broadcasts(table.shape, pairs):
            raise ValueError(
                f"rotary: {table_name} is {table.shape}; for a {name} of {x.shape}, it must "
                f"broadcast to {pairs}"
            )


def _kernel_can_write(y: Array) -> bool:
    """Whether y is (B, H, T, D), or has fewer axes, and its last axis is contiguous."""
    return y.ndim <= 4 and y.strides[-1] == y.itemsize


def _rotate(x: Array, cos: Array, sin: Array, pairing: str, y: Array) -> None:
    """Write the rotated pairs of x (..., D) to y, which may be x."""
    (x1, x2), (y1, y2) = _pairs(x, pairing), _pairs(y, pairing)
    with scope():
        first, other = empty(x1.shape, like=x), empty(x1.shape, like=x)
        np.multiply(x1, cos, out=first)
        first -= np.multiply(x2, sin, out=other)
        np.multiply(x1, sin, out=other)
        np.multiply(x2, cos, out=y2)
        y2 += other
        y1[...] = first


def _pairs(x: Array, pairing: str) -> tuple[Array, Array]:
    """Return views (..., D/2) of the first and of the second channel of each pair."""
    if pairing == "neighbors":
        return x[..., 0::2], x[..., 1::2]
    half = x.shape[-1] // 2
    return x[..., :half], x[..., half:]
