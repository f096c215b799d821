"""Dropout (Srivastava et al. 2014) whose mask is a pure function of a seed.

The mask is not stored. A hash of (seed, i) decides whether element i is dropped, so the backward
pass, a recomputed forward pass, a kernel with any number of threads and a gradient checker all
compute the same mask, in any order.
"""

from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import check_whole, plain, real_number
from scratchgpt.backend import Array, check_arrays, use_cuda, use_kernels
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.observe import observed

# splitmix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


class DropoutSaved(NamedTuple):
    p: float
    seed: int


@observed
def dropout_forward(
    x: Array, p: float, seed: int, *, y_out: Array | None = None
) -> tuple[Array, DropoutSaved]:
    r"""Set each element to zero with probability p and scale the others up.

    .. math:: y = \frac{m\,x}{1 - p}, \qquad m \sim \mathrm{Bernoulli}(1 - p)

    Parameters
    ----------
    x : array (...)
    p : float
        Dropout probability, from 0 (drop nothing) to 1 (drop everything).
    seed : int
        Random seed of the mask; the same seed and shape result in the same mask.
    y_out : array (...), optional
        Overwritten with the result. It may be x.

    Returns
    -------
    y : array (...)
    saved : DropoutSaved

    Raises
    ------
    ValueError
        If p is not in [0, 1], or the seed is not a whole number.
    TypeError
        If x is not a floating-point array.
    """
    check_arrays("dropout", x=x)
    p, seed = check_probability("dropout", p), check_whole("dropout: seed", seed)
    y = empty_like(x) if y_out is None else y_out
    dropout_into(x, p, seed, out=y)
    return y, DropoutSaved(p, seed)


@observed
def dropout_backward(dy: Array, saved: DropoutSaved) -> Array:
    r"""Gradient of :func:`dropout_forward`, with the same mask: :math:`dx = m\,dy/(1-p)`."""
    check_arrays("dropout", dy=dy)
    dx = empty_like(dy)
    dropout_into(dy, saved.p, saved.seed, out=dx)
    return dx


def check_probability(op: str, p: float) -> float:
    """Return a dropout probability as a Python number; raise ValueError outside [0, 1]."""
    number = real_number(p)
    if number is None or not 0 <= number <= 1:
        raise ValueError(f"{op}: p={plain(p)!r} is not a probability; choose 0 <= p <= 1")
    return number


def dropout_mask(shape: tuple[int, ...], p: float, seed: int, like: Array) -> Array:
    """Return the mask: a boolean array of ``shape``, False for dropped elements.

    The lower and the upper half of splitmix64's output i + 1 from state ``seed`` decide about
    elements 2i and 2i + 1, in C order.
    """
    n = int(np.prod(shape))
    mask = empty(shape, like=like, dtype=bool)
    with scope():
        bits = empty(((n + 1) // 2,), like=like, dtype=np.uint64)
        shifted = empty(bits.shape, like=like, dtype=np.uint64)
        shifted[...] = 1
        np.cumsum(shifted, out=bits)  # 1, 2, 3, ...; arange would allocate another array
        bits *= _GOLDEN
        bits += np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
        for shift, factor in ((30, _MIX_1), (27, _MIX_2)):
            np.right_shift(bits, np.uint64(shift), out=shifted)
            bits ^= shifted
            bits *= factor
        np.right_shift(bits, np.uint64(31), out=shifted)
        bits ^= shifted
        halves = bits.astype("<u8", copy=False).view("<u4")[:n]
        np.greater_equal(halves.reshape(shape), round(p * 2**32), out=mask)
    return mask


def dropout_into(x: Array, p: float, seed: int, out: Array) -> None:
    """Compute dropout into ``out``; forward and backward are the same computation."""
    if p == 1:
        out[...] = 0
        return
    if use_kernels(x, out) and out.flags.c_contiguous:
        from scratchgpt.kernels import dropout

        dropout.dropout(x, p, seed, out)
        return
    if use_cuda(x, out):
        from scratchgpt.kernels.cuda import pointwise

        pointwise.dropout(x, p, seed, out)
        return

    with scope():
        np.multiply(x, dropout_mask(x.shape, p, seed, like=x), out=out)
    out *= 1 / (1 - p)
