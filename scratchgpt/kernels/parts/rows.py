"""Rows of arrays by address, so that one kernel serves all arrays whose rows are contiguous.

The arrays of a kernel have a common shape (O, M, I, C); :func:`places_of` describes them to it.
"""

from typing import Any, NamedTuple, TypeVar

import numpy as np

from scratchgpt.backend import Array, contiguous_rows
from scratchgpt.kernels.compiler.addresses import vector
from scratchgpt.kernels.compiler.jit import inner

MaybeArray = TypeVar("MaybeArray", Array, Array | None)


class Index(NamedTuple):
    """The index of a row on the first three axes."""

    outer: Any
    middle: Any
    inner: Any


@inner
def n_rows_of(places):
    """Return the number of rows of each array."""
    return places[0, 0] * places[0, 1] * places[0, 2]


@inner
def index_of(i, places):
    """Return the index of the row with number i."""
    n_middle, n_inner = places[0, 1], places[0, 2]
    rest = i // n_inner
    return Index(rest // n_middle, rest % n_middle, i % n_inner)


@inner
def next_index(index, places):
    """Return the index of the row after this one."""
    outer, middle, inner = index.outer, index.middle, index.inner + 1
    if inner == places[0, 2]:
        middle, inner = middle + 1, 0
        if middle == places[0, 1]:
            outer, middle = outer + 1, 0
    return Index(outer, middle, inner)


@inner
def row_at(like, places, k, index):
    """Return a row of array number k, from 1 on, as an array (C,) of the dtype of ``like``."""
    address = places[k, 0] + index.outer * places[k, 1] + index.middle * places[k, 2]
    return vector(like, address + index.inner * places[k, 3], places[0, 3])


def places_of(x: Array, *others: Array | None) -> Array:
    """Describe x and others for a kernel, which visits the rows in the order of x in memory.

    Parameters
    ----------
    x : array (..., C)
    *others : array (..., C) or (..., 1), or None
        An array that is not given gets the address 0.

    Returns
    -------
    places : int64 array (1 + n, 4)
        The sizes O, M, I, C; then for each array its address and the strides of O, M, I in bytes.
    """
    axes = x.shape[:-1] if x.ndim <= 4 else (x.size // x.shape[-1],)
    axes = (1,) * (3 - len(axes)) + axes  # O, M, I as they are in x
    strides = x.reshape((*axes, -1)).strides
    i, j, k = sorted(range(3), key=lambda axis: -abs(strides[axis]))  # in the order of memory
    places: list[tuple[int, ...]] = [(axes[i], axes[j], axes[k], x.shape[-1])]
    for array in (x, *others):
        if array is None:
            places.append((0, 0, 0, 0))
        else:
            strides = array.reshape((*axes, -1)).strides
            places.append((array.ctypes.data, strides[i], strides[j], strides[k]))
    return np.array(places, np.int64)


def readable(x: MaybeArray) -> MaybeArray:
    """Return the array if its rows are contiguous, otherwise a copy."""
    if x is None or contiguous_rows(x):
        return x
    return np.ascontiguousarray(x)
