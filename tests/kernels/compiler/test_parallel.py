"""Parallel loops with separately compiled bodies."""

import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from scratchgpt.kernels.compiler.parallel import kernel  # noqa: E402

# Each test has a separate kernel: if two processes compile the same kernel for different types at
# the same time, Numba's cache may mix them up.


@pytest.mark.parametrize("n", [0, 1, 2, 3, 100])
def test_the_body_runs_once_for_each_index(n):
    @kernel
    def count(i, counts):
        counts[i] += i + 1

    counts = np.zeros(100, np.int64)
    count(n, counts)
    np.testing.assert_array_equal(counts[:n], np.arange(n) + 1)
    assert not counts[n:].any()


def test_each_combination_of_argument_types_is_compiled():
    @kernel
    def shift(i, counts, other):
        counts[i] += i + other[0]

    for _ in range(2):
        for dtype, step in ((np.float32, 1), (np.float64, 1), (np.float32, 2)):
            counts = np.zeros(8, dtype)
            shift(4, counts[::step], np.full(1, 0.5, dtype))
            np.testing.assert_array_equal(counts[::step][:4], [0.5, 1.5, 2.5, 3.5])


def test_read_only_memory_uses_the_same_body():
    @kernel
    def add(i, counts, other):
        counts[i] += other[0]

    counts, other = np.zeros(3), np.ones(1)
    add(3, counts, other)
    other.flags.writeable = False
    add(3, counts, other)
    np.testing.assert_array_equal(counts, [2, 2, 2])
    assert len(add.loop.overloads) == 2
    assert len(add.turn.overloads) == 1


class Numbers(NamedTuple):
    counts: Any
    step: Any


class Pair(NamedTuple):
    first: Any
    second: Any


def test_a_named_tuple_of_read_only_arrays_uses_the_same_body():
    @kernel
    def add(i, counts, numbers, pair):
        counts[i] += numbers.step * numbers.counts[0] + pair.first[i] - pair.second[i]

    counts, numbers = np.zeros(3), Numbers(np.ones(1), 2.0)
    pair = Pair(np.full(3, 5.0), np.full(3, 4.0))
    add(3, counts, numbers, pair)
    for array in (numbers.counts, *pair):
        array.flags.writeable = False
    add(3, counts, numbers, pair)
    np.testing.assert_array_equal(counts, [6, 6, 6])
    assert len(add.loop.overloads) == 2
    assert len(add.turn.overloads) == 1


def test_a_failing_body_raises():
    @kernel
    def refuse(i, limit):
        if i >= limit[0]:
            raise ValueError("too far")

    refuse(3, np.array([3]))
    with pytest.raises(RuntimeError, match="a kernel failed"):
        refuse(4, np.array([3]))


def test_arrays_are_released():
    """A loop keeps no reference to its arguments."""

    @kernel
    def touch(i, counts, others):
        counts[i] += others[0][0]

    counts, others = np.zeros(2), (np.ones(1), np.ones(1))
    before = sys.getrefcount(counts), sys.getrefcount(others[0])
    for _ in range(5):
        touch(2, counts, others)
    assert (sys.getrefcount(counts), sys.getrefcount(others[0])) == before
