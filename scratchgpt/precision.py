"""Matrix products in bfloat16, for when the precision of float32 is not needed.

A bfloat16 has the exponent of a float32 and 8 of its 24 binary digits. Inside ``with
products_in("bf16"):``, both factors of the products of linear maps are rounded to bfloat16, in the
forward and in the backward pass, and the products are summed in float32. Everything else stays
float32: parameters, activations, gradients, norms, attention, the loss, the optimizer. This is the
mixed precision of Micikevicius et al. 2018 (https://arxiv.org/abs/1710.03740) with the number
format of Kalamkar et al. 2019 (https://arxiv.org/abs/1905.12322), whose range makes loss scaling
unnecessary.

float64 and complex128 are unaffected, so gradient checks verify the unrounded mathematics.
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
    """Round the factors of float32 products inside the block: ``with products_in("bf16"):``.

    Parameters
    ----------
    precision : {"float32", "bf16"}
        ``"float32"`` disables rounding inside the block.

    Raises
    ------
    UserError
        If ``precision`` is not one of these.
    """
    if precision not in PRECISIONS:
        raise UserError(f"precision={precision!r} is not one of {', '.join(PRECISIONS)}")
    token = _bfloat16.set(precision == "bf16")
    try:
        yield
    finally:
        _bfloat16.reset(token)


def in_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether products of arrays of this dtype are currently computed in bfloat16."""
    return _bfloat16.get() and dtype == np.float32


def factors(*arrays: Array) -> tuple[Array, ...]:
    """Return the factors of a product: the arrays, rounded to bfloat16 if that is enabled."""
    if not in_bfloat16(arrays[0].dtype):
        return arrays
    return tuple(round_to_bfloat16(x) for x in arrays)


def round_to_bfloat16(x: Array) -> Array:
    """Round to the nearest bfloat16, ties to even.

    Parameters
    ----------
    x : array, float32

    Returns
    -------
    rounded : array of the shape of ``x``, float32
        Its lower 16 bits are 0. NaN and infinities are unchanged.
    """
    rounded = empty(x.shape, like=x)
    rounded[...] = x
    bits = rounded.view(np.uint32)
    bits += 0x7FFF + (bits >> 16 & 1)
    bits &= 0xFFFF0000
    np.copyto(rounded, x, where=~np.isfinite(x))
    return rounded
