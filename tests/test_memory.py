from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.memory import (
    ALIGNMENT,
    Arena,
    aligned_zeros,
    empty,
    empty_like,
    nbytes,
    scope,
    walk,
)

LIKE = np.empty(0, np.float32)


def test_without_an_arena_arrays_are_ordinary_numpy_arrays():
    x = empty((2, 3), like=LIKE)
    assert x.shape == (2, 3)
    assert x.dtype == np.float32
    assert x.flags.owndata
    assert empty((2,), like=LIKE, dtype=bool).dtype == bool
    with scope():
        pass


def test_empty_like_is_contiguous_for_any_layout():
    assert empty_like(np.ones((3, 4)).T).flags.c_contiguous
    assert empty_like(np.ones((3, 4), np.float32).T).dtype == np.float32


def test_the_first_step_overflows_and_the_following_fit():
    arena = Arena()
    for step in range(3):
        with arena:
            arrays = [empty((100, 10), like=LIKE), empty((7,), like=LIKE, dtype=np.float64)]
            assert all(x.base is None for x in arrays) == (step == 0)
            assert (arena.peak <= arena.capacity) == (step > 0)
        assert arena.used == 0
        assert arena.capacity == arena.peak == 4000 + 32 + 64  # rounded up to 64 bytes each


def test_the_block_grows_for_a_larger_step():
    arena = Arena()
    for n, capacity in ((10, 64), (40, 192), (10, 192)):
        with arena:
            empty((n,), like=LIKE)
        assert arena.capacity == capacity


sizes = st.lists(st.tuples(st.integers(0, 50), st.sampled_from("?fdD")), max_size=12)


@given(first=sizes, second=sizes)
def test_arrays_never_overlap_and_are_aligned(first, second):
    arena = Arena(poison=True)
    with arena:
        for n, kind in first:
            empty((n,), like=LIKE, dtype=kind)
    with arena:  # some arrays may fit and others not
        arrays = [empty((n,), like=LIKE, dtype=kind) for n, kind in second]
        for i, x in enumerate(arrays):
            x.fill(i % 2)
            if arena.peak <= arena.capacity and x.size:
                assert x.ctypes.data % ALIGNMENT == 0
        for i, x in enumerate(arrays):
            assert (x == i % 2).all()


def test_a_scope_releases_what_was_allocated_inside():
    arena = Arena()
    with arena:
        outer = empty((10,), like=LIKE)
        used = arena.used
        with scope():
            empty((1000,), like=LIKE)
            with scope():
                empty((1000,), like=LIKE)
            assert arena.used < 8100
        assert arena.used == used
        outer[...] = 1
        inner = empty((10,), like=LIKE)
        inner[...] = 2
        assert (outer == 1).all()
    assert arena.peak == 64 + 2 * 4032


def test_a_scope_releases_after_an_error_too():
    def fail():
        with scope():
            empty((10,), like=LIKE)
            raise ZeroDivisionError

    arena = Arena()
    with arena:
        with pytest.raises(ZeroDivisionError):
            fail()
        assert arena.used == 0


@pytest.mark.parametrize("warm", [False, True], ids=["overflow", "block"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 5)])
def test_poison_overwrites_only_released_memory(warm, shape):
    arena = Arena(poison=True)

    def step():
        kept, lost = empty(shape, like=LIKE), None
        kept[...] = 1
        with scope():
            lost = empty(shape, like=LIKE)
            lost[...] = 2
        assert np.isnan(lost).all()
        assert (kept == 1).all()
        return kept

    if warm:
        with arena:
            step()
    with arena:
        kept = step()
    assert np.isnan(kept).all()


def test_the_block_is_reused():
    arena = Arena()
    addresses = []
    for _ in range(4):
        with arena:
            addresses.append(empty((100_000,), like=LIKE).ctypes.data)
    assert len(set(addresses[1:])) == 1


def test_an_arena_is_not_entered_twice_and_another_may_be_active_inside():
    outer, inner = Arena(), Arena()
    with outer:
        with pytest.raises(RuntimeError, match="already active"), outer:
            pass
        with inner:
            empty((4,), like=LIKE)
            assert outer.used == 0
        empty((4,), like=LIKE)
        assert outer.used == 64
    assert empty((4,), like=LIKE).flags.owndata


def test_after_an_error_the_arena_is_inactive_and_empty():
    arena = Arena()

    def fail():
        with arena:
            empty((4,), like=LIKE)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert arena.used == 0
    assert empty((4,), like=LIKE).flags.owndata


@pytest.mark.parametrize("n", [0, 1, 17, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.uint8])
def test_aligned_zeros(n, dtype):
    x = aligned_zeros(n, dtype)
    assert x.shape == (n,)
    assert x.dtype == dtype
    assert not x.any()
    assert n == 0 or x.ctypes.data % 64 == 0


class Inner(NamedTuple):
    x: np.ndarray
    p: float


class Outer(NamedTuple):
    parts: list
    other: Inner
    nothing: None


def tree():
    return Outer([Inner(np.zeros(3), 0.5), (np.zeros(2), None)], Inner(np.zeros((2, 2)), 1.0), None)


def test_walking_names_each_array_by_its_path():
    assert [(path, x.shape) for path, x in walk(tree())] == [
        ("parts.0.x", (3,)),
        ("parts.1.0", (2,)),
        ("other.x", (2, 2)),
    ]
    assert [path for path, _ in walk(np.zeros(1))] == [""]


def test_bytes_are_counted():
    assert nbytes(tree()) == 8 * (3 + 2 + 4)
    assert nbytes(None) == nbytes(()) == nbytes(np.zeros((0, 3))) == 0


def test_shared_bytes_count_once():
    x = np.zeros((4, 6), np.float32)
    assert nbytes([x, x, x.T, x[1:3], x.reshape(-1)[5:9]]) == x.nbytes
    assert nbytes([x.reshape(-1)[:10], x.reshape(-1)[5:12]]) == 12 * 4


def test_excluded_arrays_do_not_count():
    parameters, activation = np.zeros(100), np.zeros(7)
    saved = (parameters[10:20], activation, parameters[90:])
    assert nbytes(saved, exclude=[parameters]) == activation.nbytes
    assert nbytes(saved) == activation.nbytes + 20 * 8
