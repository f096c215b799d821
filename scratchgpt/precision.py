"""Matrix products of numbers in bfloat16, where float32 is more than is needed.

A bfloat16 has the exponent of a float32 and 8 of its 24 binary digits. Inside ``with
bfloat16_products():`` the two factors of each float32 product of a linear map are rounded to it, in
the forward and in the backward pass, and their products are summed in float32. All else stays what
it is: parameters, activations, gradients, norms, the softmax, the optimizer. This is mixed precision
as Micikevicius et al. 2018 train with it (https://arxiv.org/abs/1710.03740), and Kalamkar et al.
2019 in bfloat16 (https://arxiv.org/abs/1905.12322), whose range makes a scale for the loss
unnecessary.

float64 and complex128 are not touched, so what is verified in them is the gradient of the maths.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.memory import empty

__all__ = ["PRECISIONS", "bfloat16_products", "factors", "in_bfloat16", "round_to_bfloat16"]

PRECISIONS = ("float32", "bf16")

_bfloat16: ContextVar[bool] = ContextVar("bfloat16", default=False)


@contextmanager
def bfloat16_products(on: bool = True) -> Iterator[None]:
    """``with bfloat16_products():`` rounds the factors of float32 products inside the block."""
    token = _bfloat16.set(on)
    try:
        yield
    finally:
        _bfloat16.reset(token)


def in_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether products of arrays of this dtype are taken in bfloat16 now."""
    return _bfloat16.get() and dtype == np.float32


def factors(*arrays: Array) -> tuple[Array, ...]:
    """What products are made of: the arrays themselves, or what bfloat16 leaves of them."""
    if not in_bfloat16(arrays[0].dtype):
        return arrays
    return tuple(round_to_bfloat16(x) for x in arrays)


def round_to_bfloat16(x: Array) -> Array:
    """The nearest numbers that bfloat16 has, those that lie in the middle to the even one.

    Parameters
    ----------
    x : array, float32

    Returns
    -------
    rounded : array of the shape of ``x``, float32
        Whose lower 16 bits are 0. Not-a-number and infinities stay what they are.
    """
    rounded = empty(x.shape, like=x)
    rounded[...] = x
    bits = rounded.view(np.uint32)
    bits += 0x7FFF + (bits >> 16 & 1)
    bits &= 0xFFFF0000
    not_finite = ~np.isfinite(x)
    rounded[not_finite] = x[not_finite]
    return rounded
