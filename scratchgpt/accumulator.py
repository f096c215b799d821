"""Accumulators: memory in which the gradients of one parameter are added up over a step."""

from enum import Enum
from typing import Final, TypeAlias

from scratchgpt.backend import Array
from scratchgpt.memory import empty


class Accumulator:
    """An array that gradients are added to.

    The first gradient after :meth:`clear` is written instead of added, so that the zeros of a new
    step are never written to memory or read from it.

    Parameters
    ----------
    array : array
        Holds the sum so far.
    """

    __slots__ = ("_array", "_is_clear")

    def __init__(self, array: Array) -> None:
        self._array = array
        self._is_clear = False

    @property
    def array(self) -> Array:
        """The sum of the gradients; zeros are written first if nothing was added yet."""
        if self._is_clear:
            self._array[...] = 0
            self._is_clear = False
        return self._array

    @property
    def T(self) -> "Accumulator":
        """The transposed view of this accumulator: what is added to one is added to both."""
        return _Transposed(self)

    def clear(self) -> None:
        """Set the sum to zero, without writing to memory."""
        self._is_clear = True

    def take(self) -> tuple[Array, bool]:
        """The memory, and whether it holds a sum to add to; if not, the caller overwrites it."""
        holds_sum, self._is_clear = not self._is_clear, False
        return self._array, holds_sum


class _Transposed(Accumulator):
    __slots__ = ("_of",)

    def __init__(self, of: Accumulator) -> None:
        self._of = of

    @property
    def array(self) -> Array:
        return self._of.array.T

    def clear(self) -> None:
        self._of.clear()

    def take(self) -> tuple[Array, bool]:
        array, holds_sum = self._of.take()
        return array.T, holds_sum


class NotWanted(Enum):
    """The type of :data:`NOT_WANTED`."""

    NOT_WANTED = "not wanted"


NOT_WANTED: Final = NotWanted.NOT_WANTED
"""In place of an accumulator: this gradient is not computed (its parameter is frozen)."""

Into: TypeAlias = Array | Accumulator | NotWanted | None


def take(into: Into, shape: tuple[int, ...], like: Array) -> tuple[Array | None, bool]:
    """The memory for a gradient, and whether it holds a sum to add to.

    Parameters
    ----------
    into : array, Accumulator, NOT_WANTED or None
        What a backward function was given: an array is always added to, for None there is a new
        array.
    shape : tuple of int
        Shape of a new array.
    like : array
        Decides the dtype and the array library of a new array.

    Returns
    -------
    array : array, or None if the gradient is not wanted
    holds_sum : bool
        If False, the caller overwrites all of ``array``.
    """
    if into is None:
        return empty(shape, like=like), False
    if into is NOT_WANTED:
        return None, False
    if isinstance(into, Accumulator):
        return into.take()
    return into, True


def collect(into: Into, gradient: Array | None) -> Array | None:
    """Add a gradient that has been computed to ``into``; returns the array that holds the sum."""
    if into is None or gradient is None:
        return gradient
    array, holds_sum = take(into, gradient.shape, like=gradient)
    if array is None:
        return None
    if holds_sum:
        array += gradient
    else:
        array[...] = gradient
    return array
