"""Matrix products of numbers in bfloat16, where float32 is more than is needed.

A bfloat16 has the exponent of a float32 and 8 of its 24 binary digits. Inside ``with
products_in("bf16"):`` both factors of the products of linear maps are rounded to it, in the forward
and in the backward pass, and what is multiplied is summed in float32. All else stays float32:
parameters, activations, gradients, norms, attention, the loss, the optimizer. It is the mixed
precision of Micikevicius et al. 2018 (https://arxiv.org/abs/1710.03740) in the numbers of Kalamkar
et al. 2019 (https://arxiv.org/abs/1905.12322), whose range makes a scale for the loss unnecessary.

float64 and complex128 are not touched, so what is verified in them is the gradient of the maths.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.memory import empty

__all__ = ["PRECISIONS", "factors", "in_bfloat16", "products_in", "round_to_bfloat16"]

PRECISIONS = ("float32", "bf16")

_bfloat16: ContextVar[bool] = ContextVar("bfloat16", default=False)


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """``with products_in("bf16"):`` rounds the factors of float32 products inside the block.

    Parameters
    ----------
    precision : {"float32", "bf16"}
        Inside ``with products_in("float32"):`` nothing is rounded.

    Raises
    ------
    UserError
        If it is none of these.
    """
    if precision not in PRECISIONS:
        raise UserError(f"precision={precision!r} is not one of {', '.join(PRECISIONS)}")
    token = _bfloat16.set(precision == "bf16")
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
