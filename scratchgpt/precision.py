"""Matrix products in bfloat16, for when the precision of float32 is not needed.

A bfloat16 has the exponent of a float32 and 8 of its 24 binary digits. Inside ``with
products_in("bf16"):``, both factors of the products of linear maps are rounded to bfloat16, in the
forward and in the backward pass, and the products are summed in float32. Everything else stays
float32: parameters, activations, gradients, norms, attention, the loss, the optimizer. This is the
mixed precision of Micikevicius et al. 2018 (https://arxiv.org/abs/1710.03740) with the number
format of Kalamkar et al. 2019 (https://arxiv.org/abs/1905.12322), whose range makes loss scaling
unnecessary.

On a GPU, ``"tf32"`` does not round the factors, but lets cuBLAS multiply with TensorFloat-32, which
has the 8 bits of the exponent of a float32 and 11 of its binary digits. A bfloat16 is exact in
TensorFloat-32, so ``"bf16"`` uses the same products there, and their rounding is that of the
factors alone.

float64 and complex128 are unaffected, so gradient checks verify the unrounded mathematics.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from scratchgpt.backend import Array, array_module, on_host
from scratchgpt.errors import UserError
from scratchgpt.memory import empty

__all__ = ["PRECISIONS", "factors", "in_bfloat16", "multiply", "products_in", "round_to_bfloat16"]

PRECISIONS = ("float32", "bf16", "tf32")

_precision: ContextVar[str] = ContextVar("precision", default="float32")


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Round the factors of float32 products inside the block: ``with products_in("bf16"):``.

    Parameters
    ----------
    precision : {"float32", "bf16", "tf32"}
        ``"float32"`` disables rounding inside the block, and ``"tf32"`` has an effect on a GPU
        only.

    Raises
    ------
    UserError
        If ``precision`` is not one of these.
    """
    if precision not in PRECISIONS:
        raise UserError(f"precision={precision!r} is not one of {', '.join(PRECISIONS)}")
    token = _precision.set(precision)
    try:
        yield
    finally:
        _precision.reset(token)


def in_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether products of arrays of this dtype are currently computed in bfloat16."""
    return _precision.get() == "bf16" and dtype == np.float32


def multiply(a: Array, b: Array, out: Array) -> None:
    """Write the product of two matrices to ``out``, in the precision of :func:`products_in`."""
    if on_host(a) or _precision.get() == "float32" or a.dtype != np.float32:
        np.matmul(a, b, out=out)
        return
    core: Any = getattr(array_module(a), "_core", None)  # CuPy's; there is no public function
    if core is None:
        np.matmul(a, b, out=out)
        return
    before = core.get_compute_type(a.dtype)
    core.set_compute_type(a.dtype, core._routines_linalg.COMPUTE_TYPE_TF32)
    try:
        np.matmul(a, b, out=out)
    finally:
        core.set_compute_type(a.dtype, before)


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
