"""Memory allocation: :func:`empty`, and the arena that makes it free of page faults.

A new NumPy array of a few megabytes causes page faults, which often take longer than the arithmetic
on the array. So operations allocate every array with :func:`empty`. Without an active arena,
:func:`empty` is ``np.empty``. Inside an arena, it returns the next slice of one block of memory:

    arena = Arena()
    for batch in batches:
        with arena:                    # one training step
            loss, saved = model.loss(...)
            model.loss_backward(1.0, saved)
            loss = float(loss)         # keep a Python number, not an array of the arena
                                       # here all arrays of the step are released at once

Within a step, ``with scope():`` releases the temporary arrays of a section of code. The block works
like a stack, so an array that is needed after a scope must be allocated before it. This is
impossible if the array to keep is computed from temporary arrays. Allocate such temporary arrays
from the other end of the block with :func:`borrow`; ``with lending():`` releases them.
"""

import mmap
from collections.abc import Iterator
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

import numpy as np

from scratchgpt.backend import Array, array_module, on_device, on_host

ALIGNMENT = 64  # bytes: one cache line, one AVX-512 register
OWN_PAGES = 1 << 16  # arrays of at least this many bytes get their own memory pages

_active: ContextVar["Arena | None"] = ContextVar("arena", default=None)


def empty(shape: tuple[int, ...], like: Array, dtype: Any = None) -> Array:
    """Allocate an uninitialized C-contiguous array from the active arena, if there is one.

    Parameters
    ----------
    shape : tuple of int
    like : array
        Determines the array library, and the default dtype.
    dtype : optional
        The dtype; by default that of ``like``.
    """
    dtype = like.dtype if dtype is None else np.dtype(dtype)
    if not on_host(like):
        return np.empty(shape, dtype, like=like)
    arena = _active.get()
    return np.empty(shape, dtype) if arena is None else arena.take(shape, dtype)


def borrow(shape: tuple[int, ...], like: Array) -> Array:
    """Allocate an array like :func:`empty` that can be released before arrays allocated later.

    Its memory is released when the innermost ``with lending():`` or ``with scope():`` ends. Leaving
    ``with lending():`` does not release arrays that :func:`empty` has allocated in the meantime.
    """
    arena = _active.get()
    if arena is None or not on_host(like):
        return empty(shape, like)
    return arena.lend(shape, like.dtype)


def zeros(shape: tuple[int, ...], like: Array) -> Array:
    """Allocate an array like ``empty(shape, like)`` and fill it with zeros."""
    x = empty(shape, like)
    x[...] = 0
    return x


def empty_like(x: Array) -> Array:
    """Allocate ``empty(x.shape, like=x)``, which is C-contiguous for any layout of ``x``."""
    return empty(x.shape, like=x)


def aligned_zeros(n: int, dtype: Any, like: Array | None = None) -> Array:
    """Allocate a flat array of ``n`` zeros, aligned to 64 bytes (NumPy aligns to 16).

    It is on the device of ``like``, by default on the host.
    """
    if like is not None and not on_host(like):
        zeros: Array = array_module(like).zeros(n, dtype)  # CuPy aligns to 512 bytes
        return zeros
    dtype = np.dtype(dtype)
    raw = np.zeros(n * dtype.itemsize + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + n * dtype.itemsize].view(dtype)


class scope:
    """Release on exit all arrays that were allocated from the active arena inside the block.

    Without an active arena, it does nothing, and Python's reference counting frees the arrays.
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
            self._arena.release_borrowed(self._lent)


class lending:
    """Release on exit the arrays that were borrowed inside the block, and no others."""

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
            self._arena.release_borrowed(self._lent)


class Arena:
    """A block of memory that serves all arrays of a training step.

    Arrays are allocated from the bottom of the block upwards, and released in reverse order.
    Borrowed arrays are allocated from the top downwards, and also released in reverse order.

    The first step does not fit, because the required size is not known yet. Arrays that do not fit
    are allocated by the system, and their size is counted. At the end of the step, the block grows
    to the required size. Later steps of this size allocate no memory and touch no new pages.

    Parameters
    ----------
    poison : bool
        Overwrite released memory with NaN, so that tests detect the use of released arrays.

    Attributes
    ----------
    used, lent, peak, capacity : int
        Bytes currently allocated, bytes currently borrowed, the maximum of their sum so far, and
        the size of the block.
    """

    def __init__(self, *, poison: bool = False) -> None:
        self.poison = poison
        self.used = 0
        self.lent = 0
        self.peak = 0
        self.capacity = 0
        self._block = aligned_zeros(0, np.uint8)
        self._overflow: list[tuple[int, Array]] = []  # (the start it would have, array)
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
        self.release_borrowed(0)
        if self.peak > self.capacity:
            self._block = aligned_zeros(self.peak, np.uint8)
            self.capacity = self.peak

    def take(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Allocate the next slice of the block: a 64-byte aligned, uninitialized array."""
        dtype = np.dtype(dtype)
        start = self.used
        n_bytes = _size(shape, dtype)
        self.used = start + n_bytes + -n_bytes % ALIGNMENT
        self.peak = max(self.peak, self.used + self.lent)
        if self.used + self.lent <= self.capacity:
            return self._block[start : start + n_bytes].view(dtype).reshape(shape)
        array = _pages(shape, dtype)
        self._overflow.append((start, array))
        return array

    def lend(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Allocate a slice like :meth:`take`, from the other end of the block."""
        dtype = np.dtype(dtype)
        before = self.lent
        n_bytes = _size(shape, dtype)
        self.lent = before + n_bytes + -n_bytes % ALIGNMENT
        self.peak = max(self.peak, self.used + self.lent)
        if self.used + self.lent <= self.capacity:
            start = self.capacity - self.lent
            return self._block[start : start + n_bytes].view(dtype).reshape(shape)
        array = _pages(shape, dtype)
        self._lent_overflow.append((before, array))
        return array

    def release(self, mark: int) -> None:
        """Release everything that was allocated since ``used`` was ``mark``."""
        if self.poison:
            self._block[mark : min(self.used, self.capacity - self.lent)] = 0xFF  # all NaN
        self._forget(self._overflow, mark)
        self.used = mark

    def release_borrowed(self, mark: int) -> None:
        """Release everything that was borrowed since ``lent`` was ``mark``."""
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


def _pages(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Allocate an array in its own memory pages, which are returned to the system with it.

    Memory that NumPy frees can remain with the process. Arrays that did not fit into the block
    would then count twice: as freed memory, and as a part of the next, larger block.
    """
    n_bytes = _size(shape, dtype)
    if n_bytes < OWN_PAGES:
        return np.empty(shape, dtype)
    return np.frombuffer(mmap.mmap(-1, n_bytes), dtype).reshape(shape)


def _size(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    n_bytes = dtype.itemsize
    for size in shape:
        n_bytes *= size
    return n_bytes


def walk(saved: Any, path: str = "") -> Iterator[tuple[str, Array]]:
    """Yield each array in a tree of NamedTuples, tuples and lists with its path, ``h.3.attn.q``."""
    if isinstance(saved, np.ndarray) or on_device(saved):
        yield path, saved
    elif isinstance(saved, tuple) and hasattr(saved, "_fields"):
        for name, child in zip(saved._fields, saved, strict=True):
            yield from walk(child, f"{path}.{name}" if path else name)
    elif isinstance(saved, tuple | list):
        for i, child in enumerate(saved):
            yield from walk(child, f"{path}.{i}" if path else str(i))


def nbytes(saved: Any, *, exclude: Any = ()) -> int:
    """Count the bytes that a ``saved`` keeps alive; memory shared by several fields counts once.

    Parameters
    ----------
    saved : NamedTuple, or any tree of tuples and lists of arrays
    exclude : NamedTuple, or any tree of tuples and lists of arrays
        Arrays that do not count, usually the parameters.
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
    """Return the sorted address ranges of all arrays in a tree."""
    arrays = [x for _, x in walk(tree) if x.size]
    return sorted(np.lib.array_utils.byte_bounds(x) for x in arrays)
