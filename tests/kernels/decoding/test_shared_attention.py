"""Compiled attention to scattered keys, compared with the reference in float64."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.layers import SharedLayer

pytest.importorskip("numba")


def draw(rng, n_rows, n_time, n_positions, dtype, n_places=5, n_head=3, size=20):
    keys, values = rng.standard_normal((2, n_places, n_head, n_positions, size)).astype(dtype)
    # As from a linear layer: heads are interleaved in memory, so arrays are strided.
    q = rng.standard_normal((n_rows, n_time, n_head, size)).astype(dtype).swapaxes(1, 2)
    places = rng.integers(0, n_places, (n_rows, n_positions))
    return q, keys, values, places


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-13)])
@pytest.mark.parametrize(
    ("n_rows", "n_time", "n_positions", "first"),
    [(4, 1, 9, 5), (7, 1, 1, 0), (2, 3, 11, 6), (3, 2, 130, 130), (1, 1, 40, 39)],
)
def test_it_equals_the_reference(
    n_rows, n_time, n_positions, first, dtype, tolerance, rng, assert_close
):
    q, keys, values, places = draw(rng, n_rows, n_time, n_positions, dtype)
    places[rng.random(places.shape) < 0.2] = -1
    places[:, 0] = 2  # at least one key is visible
    y = np.full((n_rows, n_time, 3, 20), np.nan, dtype).swapaxes(1, 2)
    SharedLayer(keys, values, places, first).attend(3 * q, y)
    exact = [x.astype(np.float64) for x in (keys, values, 3 * q)]
    expected = np.empty(y.shape)
    with kernels.disabled():
        SharedLayer(*exact[:2], places, first).attend(exact[2], expected)
    assert_close(y, expected, tolerance)


@pytest.mark.parametrize("with_kernels", [True, False])
def test_a_query_without_visible_keys_gets_zeros(with_kernels, rng):
    q, keys, values, places = draw(rng, 2, 1, 6, np.float64)
    places[1] = -1
    y = np.full(q.shape, np.nan)
    if with_kernels:
        SharedLayer(keys, values, places, 6).attend(q, y)
    else:
        with kernels.disabled():
            SharedLayer(keys, values, places, 6).attend(q, y)
    assert (y[0] != 0).all()
    np.testing.assert_array_equal(y[1], 0)


def test_keys_are_written_to_the_place_of_their_row(rng):
    _, keys, values, places = draw(rng, 2, 1, 6, np.float32)
    before = keys.copy()
    k, v = rng.standard_normal((2, 2, 3, 2, 20)).astype(np.float32)
    SharedLayer(keys, values, places, 3).write(k, v)
    np.testing.assert_array_equal(keys[:2, :, 3:5], k)
    np.testing.assert_array_equal(values[:2, :, 3:5], v)
    keys[:2, :, 3:5] = before[:2, :, 3:5]
    np.testing.assert_array_equal(keys, before)
