"""The arrays of a page: each is stored once, with a description of how its numbers came about.

The script of the page evaluates these descriptions ("hows"), so that a reader can follow a number
to the numbers it was computed from, and so that the page can check itself. A how is a dictionary
with the kind under ``k`` and the numbers of other arrays; ``assets/evaluate.js`` lists the kinds.
"""

import hashlib
from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array

How = dict[str, Any]

POOLED = 64  # rows and columns of the picture of an array that is too large for the page


class Statistics(NamedTuple):
    """Statistics of the finite elements, and the numbers of those that are masked or NaN."""

    least: float | None
    most: float | None
    norm: float
    n_masked: int
    n_nan: int


@dataclass
class Value:
    """An array of the page.

    Attributes
    ----------
    array : float32 array
        Without the batch axis, which has one row.
    how : dict or None
        None for what the step is given: parameters, the upstream gradient of the loss, moments.
    is_whole : bool
        Whether the page has all numbers. If not, it has a picture and the statistics.
    """

    array: Array
    how: How | None
    is_whole: bool

    @cached_property
    def picture(self) -> Array:
        """What the page has of the array: its numbers, or a smaller array."""
        return self.array if self.is_whole else pooled(self.array)

    @cached_property
    def statistics(self) -> Statistics:
        finite = self.array[np.isfinite(self.array)]
        return Statistics(
            float(finite.min()) if finite.size else None,
            float(finite.max()) if finite.size else None,
            float(np.linalg.norm(finite.astype(np.float64))),
            int(np.isneginf(self.array).sum()),
            int(np.isnan(self.array).sum()),
        )


class Values:
    """The arrays of a page, by their content.

    Parameters
    ----------
    most : int
        The largest number of elements of an array that is stored whole.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.all: list[Value] = []
        self._numbers: dict[tuple[Any, ...], int] = {}

    def add(self, array: Array, how: How | None = None) -> int:
        """Add an array and return its number; an array with equal content is not added twice.

        A sum over one row turns -0 into 0, so both are the same here.
        """
        array = np.ascontiguousarray(array, np.float32).reshape(np.shape(array))
        if array.size <= self.most:
            array = array + np.float32(0)
        key = (array.shape, hashlib.blake2b(array.reshape(-1).view(np.uint8).data).digest())
        number = self._numbers.setdefault(key, len(self.all))
        if number == len(self.all):
            self.all.append(Value(array, None, array.size <= self.most))
        value = self.all[number]
        if value.how is None and how is not None and number not in operands(how):
            value.how = how
        return number

    def __getitem__(self, number: int) -> Value:
        return self.all[number]

    def can_be_followed(self, number: int, on_page: Container[int]) -> bool:
        """Whether the page has everything that the numbers of this array were computed from."""
        value = self.all[number]
        if value.how is None or not value.is_whole:
            return False
        return all(n in on_page and self.all[n].is_whole for n in operands(value.how))


def operands(how: How) -> list[int]:
    """Return the numbers of the arrays that a how names."""
    found = []
    for key, item in how.items():
        if key in ("of", "plus"):
            found += [pair[0] for pair in item]
        elif key in ("a", "x", "w", "b", "c", "d", "e"):
            found += item if isinstance(item, list) else [item]
    return found


def product(out: str, *of: tuple[int, str], over: str = "", **more: Any) -> How:
    r"""Describe a sum of products.

    ``product("to", (x, "tc"), (weight, "co"), over="c")`` is :math:`\sum_c x_{tc} W_{co}`.

    Parameters
    ----------
    out : str
        One letter for each axis of the result.
    *of : (int, str)
        Factors, with the letters of their axes.
    over : str
        The letters that are summed over, at most one.
    f : float
        A factor of the sum.
    plus : list of (int, str)
        Arrays that are added.
    mask : bool
        Whether some elements are -inf because they are masked.
    """
    how: How = {"k": "sum", "o": out, "of": [list(pair) for pair in of]}
    if over:
        how["r"] = over
    if more.get("f", 1.0) == 1.0:
        more.pop("f", None)
    if "plus" in more:
        more["plus"] = [list(pair) for pair in more["plus"]]
    return how | more


def total(out: str, *terms: int) -> How:
    """Describe the sum of arrays of the same shape."""
    return product(out, plus=[(term, out) for term in terms])


def pooled(array: Array) -> Array:
    """Return a smaller array: each element is the one of largest magnitude in its part."""
    matrix = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    for axis in (0, 1):
        n = matrix.shape[axis]
        if n <= POOLED:
            continue
        parts = np.array_split(matrix, POOLED, axis=axis)
        largest = [np.expand_dims(_largest(part, axis), axis) for part in parts]
        matrix = np.concatenate(largest, axis=axis)
    return matrix


def _largest(part: Array, axis: int) -> Array:
    magnitude = np.nan_to_num(np.abs(part), nan=np.inf)
    place = np.expand_dims(magnitude.argmax(axis=axis), axis)
    return np.take_along_axis(part, place, axis=axis).squeeze(axis)
