"""Rotation of pairs of channels in place; see :mod:`scratchgpt.ops.rotary`.

Queries and keys are views of one buffer, in which the heads of a position are side by side. So a
thread takes some positions, and turns all heads of one position after another.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import vector
from scratchgpt.kernels.compiler.jit import CHUNK, inner
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.parts.attention_heads import Place


class Sizes(NamedTuple):
    n_head: Any
    n_time: Any
    n_positions: Any  # B T
    half: Any  # D/2
    step: Any  # positions per block of a thread


@inner
def _row(place, b, h, t):
    return place.at + b * place.text + h * place.head + t * place.row


@kernel
def _rotate_halves(block, y, cos, sin, direction, sizes):
    """Rotate y in place; ``direction`` is 1 or -1, an array (1,) because it gives the dtype."""
    n_head, n_time, n_positions, half, step = sizes
    bytes_of_half = half * direction.itemsize
    for position in range(block * step, min(n_positions, (block + 1) * step)):
        b, t = position // n_time, position % n_time
        for h in range(n_head):
            c = vector(direction, _row(cos, b, h, t), half)
            s = vector(direction, _row(sin, b, h, t), half)
            first = vector(direction, _row(y, b, h, t), half)
            second = vector(direction, _row(y, b, h, t) + bytes_of_half, half)
            for i in range(half):
                one, other, turned = first[i], second[i], direction[0] * s[i]
                first[i] = one * c[i] - other * turned
                second[i] = other * c[i] + one * turned


@kernel
def _rotate_neighbors(block, y, cos, sin, direction, sizes):
    """Rotate y in place, like :func:`_rotate_halves`."""
    n_head, n_time, n_positions, half, step = sizes
    for position in range(block * step, min(n_positions, (block + 1) * step)):
        b, t = position // n_time, position % n_time
        for h in range(n_head):
            c = vector(direction, _row(cos, b, h, t), half)
            s = vector(direction, _row(sin, b, h, t), half)
            row = vector(direction, _row(y, b, h, t), 2 * half)
            for i in range(half):
                one, other, turned = row[2 * i], row[2 * i + 1], direction[0] * s[i]
                row[2 * i] = one * c[i] - other * turned
                row[2 * i + 1] = other * c[i] + one * turned


def rotate(x: Array, cos: Array, sin: Array, pairing: str, y: Array, *, backwards: bool) -> None:
    """Write the rotated x (..., T, D) to y (..., T, D), which may be x.

    Parameters
    ----------
    x : array (..., T, D)
        It has at most four axes.
    cos, sin : array that broadcasts to (..., T, D/2)
    pairing : {"halves", "neighbors"}
    y : array (..., T, D)
        Its last axis is contiguous.
    backwards : bool
        Whether to rotate by the opposite angle.
    """
    if y is not x:
        y[...] = x
    n_batch, n_head, n_time, n_channels = (1,) * (4 - y.ndim) + y.shape
    half = n_channels // 2
    step = max(1, CHUNK // max(n_head * n_channels, 1))
    sizes = Sizes(n_head, n_time, n_batch * n_time, half, step)
    cos, sin = _whole_rows(cos, half), _whole_rows(sin, half)
    run = _rotate_halves if pairing == "halves" else _rotate_neighbors
    direction = np.full(1, -1 if backwards else 1, y.dtype)
    run(-(-n_batch * n_time // step), _place(y), _place(cos), _place(sin), direction, sizes)


def _whole_rows(table: Array, half: int) -> Array:
    """Return a table with C-contiguous rows of D/2 numbers, also if all of them are the same."""
    if table.shape[-1:] != (half,):
        table = np.broadcast_to(table, (*table.shape[:-1], half))
    return np.ascontiguousarray(table)


def _place(x: Array) -> Place:
    """Return address and strides; an axis that is missing or has size 1 is repeated."""
    strides = [0 if n == 1 else step for n, step in zip(x.shape[:-1], x.strides, strict=False)]
    return Place(x.ctypes.data, *[0] * (3 - len(strides)), *strides)
