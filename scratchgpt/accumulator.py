"""Accumulators: memory in which the gradients of one parameter are summed over a step."""

from enum import Enum
from typing import Final, TypeAlias

from scratchgpt.backend import Array
from scratchgpt.memory import empty


class Accumulator:
    """An array to which gradients are added.

    The first gradient after :meth:`clear` overwrites the array, so that zeros need not be written
    to memory or read from it.

    Parameters
    ----------
    array : array
        Memory for the sum.
    """

    __slots__ = ("_array", "_is_clear")

    def __init__(self, array: Array) -> None:
        self._array = array
        self._is_clear = False

    @property
    def array(self) -> Array:
        """The sum of the gradients; if none was added yet, zeros are written first."""
        if self._is_clear:
            self._array[...] = 0
            self._is_clear = False
        return self._array

    @property
    def T(self) -> "Accumulator":
        """A transposed view of this accumulator: both share the same sum."""
        return _Transposed(self)

    def clear(self) -> None:
        """Reset the sum to zero, without writing to memory."""
        self._is_clear = True

    def take(self) -> tuple[Array, bool]:
        """Return the array, and whether it holds a sum; if not, the caller must overwrite it."""
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

    @property
    def T(self) -> "NotWanted":
        """Itself: a transposed gradient is not wanted either."""
        return self


NOT_WANTED: Final = NotWanted.NOT_WANTED
"""Passed instead of an accumulator: do not compute this gradient (its parameter is frozen)."""

Into: TypeAlias = Array | Accumulator | NotWanted | None


def take(into: Into, shape: tuple[int, ...], like: Array) -> tuple[Array | None, bool]:
    """Return the array for a gradient, and whether it holds a sum to add to.

    Parameters
    ----------
    into : array, Accumulator, NOT_WANTED or None
        The argument of a backward function. Gradients are always added to an array; for None, a
        new array is allocated.
    shape : tuple of int
        Shape of a new array.
    like : array
        Determines the dtype and the array library of a new array.

    Returns
    -------
    array : array, or None for NOT_WANTED
    holds_sum : bool
        If False, the caller must overwrite all of ``array``.
    """
    if into is None:
        return empty(shape, like=like), False
    if into is NOT_WANTED:
        return None, False
    if isinstance(into, Accumulator):
        return into.take()
    return into, True


def collect(into: Into, gradient: Array | None) -> Array | None:
    """Add a computed gradient to ``into``, and return the array with the sum."""
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
