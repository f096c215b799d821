"""Vectors in fewer bits: one byte or one bit per channel."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, did_you_mean

PRECISIONS = ("float32", "int8", "binary", "ubinary")


class Int8Vectors(NamedTuple):
    """Vectors in 8 bits; vector i is about ``codes[i] * scale[i]``.

    Each vector has its own scale, so its codes depend on no other vector, and the ranking by one
    query does not depend on the scale of the query.

    Attributes
    ----------
    codes : int8 array (N, C)
    scale : float32 array (N, 1)
    """

    codes: Array
    scale: Array


def quantize_int8(vectors: Array) -> Int8Vectors:
    """Round vectors (..., C) to 255 steps, evenly spaced from minus to plus the largest channel."""
    scale = np.abs(vectors).max(axis=-1, keepdims=True) / np.float32(127)
    codes = np.rint(vectors / np.where(scale > 0, scale, 1)).astype(np.int8)
    return Int8Vectors(codes, scale.astype(np.float32))


def quantize_bits(vectors: Array, *, signed: bool) -> Array:
    """Keep one bit per channel, whether it is positive: (..., C) -> bytes (..., C / 8).

    The first channel is the highest bit of the first byte. With ``signed``, 128 is subtracted from
    each byte, as int8. The bytes equal those of ``quantize_embeddings`` of sentence-transformers.
    """
    packed = np.packbits(vectors > 0, axis=-1)
    return (packed.astype(np.int16) - 128).astype(np.int8) if signed else packed


def quantize(vectors: Array, precision: str) -> Array | Int8Vectors:
    """Convert vectors (..., C) to a precision of :meth:`TextEncoder.encode`."""
    check_precision(precision)
    if precision == "int8":
        return quantize_int8(vectors)
    if precision in ("binary", "ubinary"):
        return quantize_bits(vectors, signed=precision == "binary")
    return vectors


def check_precision(precision: str) -> None:
    """Raise UserError if there is no such precision."""
    if precision not in PRECISIONS:
        raise UserError(
            f"precision={precision!r} is not one of {', '.join(PRECISIONS)}"
            f"{did_you_mean(precision, PRECISIONS)}"
        )
