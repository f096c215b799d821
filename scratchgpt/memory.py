"""Where arrays come from: ``empty()``, and the arena that makes it free of charge.

A fresh NumPy array of a few megabytes costs page faults that often take longer than the
arithmetic on it. So every array that an operation makes is asked for with :func:`empty`. With no
arena active that is ``np.empty``, and the mathematics does not know the difference. Inside an
arena it is the next slice of one block:

    arena = Arena()
    for batch in batches:
        with arena:                    # one training step
            loss, saved = model.loss(...)
            model.loss_backward(1.0, saved)
            loss = float(loss)         # what leaves the step is a Python number
                                       # here all of it is given back at once

Within the step, ``with scope():`` gives back the temporaries of one stretch of code. Slices are
handed out as on a stack, so whatever is needed after a scope must be taken before it. Where that
cannot be, since what is kept is computed from what is not, the latter comes from the other end of
the block: :func:`borrow` takes it, and ``with lending():`` gives it back.
"""

from collections.abc import Iterator
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

import numpy as np

from scratchgpt.backend import Array

ALIGNMENT = 64  # bytes: one cache line, one AVX-512 register

_active: ContextVar["Arena | None"] = ContextVar("arena", default=None)


def empty(shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
    """An uninitialised C-contiguous array of ``shape``, of the kind and dtype of ``like``.

    Parameters
    ----------
    shape : tuple of int
    like : array
        Decides the array library, and the dtype where none is given.
    dtype : optional
        The dtype where it differs from that of ``like``.
    """
    dtype = like.dtype if dtype is None else np.dtype(dtype)
    if not isinstance(like, np.ndarray | np.generic):
        return np.empty(shape, dtype, like=like)
    arena = _active.get()
    return np.empty(shape, dtype) if arena is None else arena.take(shape, dtype)


def borrow(shape: tuple[int, ...], like: Array) -> Array:
    """An array as from :func:`empty`, to be given back before what is taken after it.

    Its memory is lent until the innermost ``with lending():`` or ``with scope():`` ends; what
    :func:`empty` hands out meanwhile stays.
    """
    arena = _active.get()
    if arena is None or not isinstance(like, np.ndarray | np.generic):
        return empty(shape, like)
    return arena.lend(shape, like.dtype)


def zeros(shape: tuple[int, ...], like: Array) -> Array:
    """``empty(shape, like)``, filled with zeros."""
    x = empty(shape, like)
    x[...] = 0
    return x


def empty_like(x: Array) -> Array:
    """``empty(x.shape, like=x)``: C-contiguous, whatever the layout of ``x``."""
    return empty(x.shape, like=x)


def aligned_zeros(n: int, dtype: Any) -> Array:
    """A flat array of ``n`` zeros that starts at a multiple of 64 bytes (NumPy's start at 16)."""
    dtype = np.dtype(dtype)
    raw = np.zeros(n * dtype.itemsize + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + n * dtype.itemsize].view(dtype)


class scope:
    """``with scope():`` gives back, on leaving, what was taken from the active arena inside.

    Without an active arena it does nothing: Python's own reference counts do the work.
    """

    __slots__ = ("_arena", "_lent", "_mark")

    def __enter__(self) -> None:
        self._arena = _active.get()
        if self._arena is not None:
            self._mark, self._lent = self._arena.used, self._arena.lent

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._arena is not None:
            self._arena.release(self._mark)
            self._arena.take_back(self._lent)


class lending:
    """``with lending():`` gives back, on leaving, what was borrowed inside, and nothing else."""

    __slots__ = ("_arena", "_lent")

    def __enter__(self) -> None:
        self._arena = _active.get()
        if self._arena is not None:
            self._lent = self._arena.lent

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._arena is not None:
            self._arena.take_back(self._lent)


class Arena:
    """One block of memory, handed out from the bottom up and given back from the top down.

    What is borrowed comes from the top down, and is given back from there up.

    The first step does not fit, since nobody knows yet how much it needs: what does not fit comes
    from NumPy and is counted. When that step ends the block grows to what was needed, and from
    then on a step of that size allocates nothing and touches no new page.

    Parameters
    ----------
    poison : bool
        Overwrite what is given back with NaN (for the tests: a value used too late shows).

    Attributes
    ----------
    used, lent, peak, capacity : int
        Bytes taken now and lent now, both together at most so far, and in the block.
    """

    def __init__(self, *, poison: bool = False) -> None:
        self.poison = poison
        self.used = 0
        self.lent = 0
        self.peak = 0
        self.capacity = 0
        self._block = aligned_zeros(0, np.uint8)
        self._overflow: list[tuple[int, Array]] = []  # (where it would start, array)
        self._lent_overflow: list[tuple[int, Array]] = []
        self._tokens: list[Token[Arena | None]] = []

    def __enter__(self) -> "Arena":
        if self._tokens:
            raise RuntimeError("this arena is already active; use scope() inside a step")
        self._tokens.append(_active.set(self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _active.reset(self._tokens.pop())
        self.release(0)
        self.take_back(0)
        if self.peak > self.capacity:
            self._block = aligned_zeros(self.peak, np.uint8)
            self.capacity = self.peak

    def take(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """The next slice of the block as an array: 64-byte aligned, contents undefined."""
        dtype = np.dtype(dtype)
        start = self.used
        n_bytes = _size(shape, dtype)
        self.used = start + n_bytes + -n_bytes % ALIGNMENT
        self.peak = max(self.peak, self.used + self.lent)
        if self.used + self.lent <= self.capacity:
            return self._block[start : start + n_bytes].view(dtype).reshape(shape)
        array = np.empty(shape, dtype)
        self._overflow.append((start, array))
        return array

    def lend(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """The same from the other end of the block."""
        dtype = np.dtype(dtype)
        before = self.lent
        n_bytes = _size(shape, dtype)
        self.lent = before + n_bytes + -n_bytes % ALIGNMENT
        self.peak = max(self.peak, self.used + self.lent)
        if self.used + self.lent <= self.capacity:
            start = self.capacity - self.lent
            return self._block[start : start + n_bytes].view(dtype).reshape(shape)
        array = np.empty(shape, dtype)
        self._lent_overflow.append((before, array))
        return array

    def release(self, mark: int) -> None:
        """Give back everything that was taken since ``used`` was ``mark``."""
        if self.poison:
            self._block[mark : min(self.used, self.capacity - self.lent)] = 0xFF  # all NaN
        self._forget(self._overflow, mark)
        self.used = mark

    def take_back(self, mark: int) -> None:
        """Take back everything that was lent since ``lent`` was ``mark``."""
        if self.poison:
            start = max(self.capacity - self.lent, self.used)
            self._block[start : max(self.capacity - mark, start)] = 0xFF
        self._forget(self._lent_overflow, mark)
        self.lent = mark

    def _forget(self, overflow: list[tuple[int, Array]], mark: int) -> None:
        while overflow and overflow[-1][0] >= mark:
            array = overflow.pop()[1]
            if self.poison:
                array.reshape(-1).view(np.uint8).fill(0xFF)


def _size(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    n_bytes = dtype.itemsize
    for size in shape:
        n_bytes *= size
    return n_bytes


def walk(saved: Any, path: str = "") -> Iterator[tuple[str, Array]]:
    """Every array in a tree of NamedTuples, tuples and lists, with its path: ``h.3.attn.q``."""
    if isinstance(saved, np.ndarray):
        yield path, saved
    elif isinstance(saved, tuple) and hasattr(saved, "_fields"):
        for name, child in zip(saved._fields, saved, strict=True):
            yield from walk(child, f"{path}.{name}" if path else name)
    elif isinstance(saved, tuple | list):
        for i, child in enumerate(saved):
            yield from walk(child, f"{path}.{i}" if path else str(i))


def nbytes(saved: Any, *, exclude: Any = ()) -> int:
    """Bytes that a ``saved`` keeps alive: each byte once, however many fields look at it.

    Parameters
    ----------
    saved : NamedTuple, or any tree of tuples and lists of arrays
    exclude : the same
        What does not count, as a rule the parameters.
    """
    skip = _intervals(exclude)
    total = 0
    end_of_counted = 0
    for start, stop in _intervals(saved):
        if any(a <= start and stop <= b for a, b in skip):
            continue
        total += max(0, stop - max(start, end_of_counted))
        end_of_counted = max(end_of_counted, stop)
    return total


def _intervals(tree: Any) -> list[tuple[int, int]]:
    """The address ranges of all arrays in a tree, sorted."""
    arrays = [x for _, x in walk(tree) if x.size]
    return sorted(np.lib.array_utils.byte_bounds(x) for x in arrays)
