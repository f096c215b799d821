"""Loops on all threads, whose turns are compiled by themselves."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from scratchgpt.kernels.parallel import kernel  # noqa: E402


@kernel
def count(i, counts, other):
    counts[i] += i + other[0]


@kernel
def refuse(i, limit):
    if i >= limit[0]:
        raise ValueError("too far")


@pytest.mark.parametrize("n", [0, 1, 2, 3, 100])
def test_each_turn_comes_once(n):
    counts = np.zeros(100, np.int64)
    count(n, counts, np.ones(1, np.int64))
    np.testing.assert_array_equal(counts[:n], np.arange(n) + 1)
    assert not counts[n:].any()


def test_arguments_of_other_types_are_compiled_for_and_told_apart():
    for _ in range(2):
        for dtype, step in ((np.float32, 1), (np.float64, 1), (np.float32, 2)):
            counts = np.zeros(8, dtype)
            count(4, counts[::step], np.full(1, 0.5, dtype))
            np.testing.assert_array_equal(counts[::step][:4], [0.5, 1.5, 2.5, 3.5])


def test_memory_that_is_not_to_be_written_takes_the_same_turn():
    counts, other = np.zeros(3), np.ones(1)
    count(3, counts, other)
    before = len(count.turn.overloads)
    other.flags.writeable = False
    count(3, counts, other)
    np.testing.assert_array_equal(counts, [2, 4, 6])
    assert len(count.turn.overloads) == before


def test_a_turn_that_fails_is_not_passed_over_in_silence():
    refuse(3, np.array([3]))
    with pytest.raises(RuntimeError, match="a kernel failed"):
        refuse(4, np.array([3]))


def test_arrays_are_given_back():
    """A loop does not hold what it was called with."""
    counts = np.zeros(2)
    for _ in range(5):
        count(2, counts, np.ones(1))
    counts.resize(4)  # which NumPy refuses while anything else refers to the array
