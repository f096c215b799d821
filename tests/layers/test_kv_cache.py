import numpy as np
import pytest

from scratchgpt.layers import KVCache, SelfAttention


def test_new_positions_are_written_where_they_belong(rng):
    cache = KVCache(2, 3, 4, 6, 5, np.float64)
    positions = np.array([[0, 1], [2, 3], [4, 5]])
    k, v = rng.normal(size=(2, 3, 4, 2, 5))
    layer = cache.layer(1, positions, np.ones((3, 1, 2, 6), bool))
    layer.write(k, v)
    keys, values = layer.visible()
    for b, (first, second) in enumerate(positions):
        np.testing.assert_array_equal(keys[b][:, [first, second]], k[b])
        np.testing.assert_array_equal(values[b][:, [first, second]], v[b])
    assert (cache.keys[0] == 0).all(), "the other layer is untouched"
    assert np.count_nonzero(cache.keys[1]) == k.size
    assert np.shares_memory(keys, cache.keys)


def test_only_the_visible_positions_are_returned(rng):
    cache = KVCache(1, 2, 3, 8, 4, np.float32)
    k = rng.normal(size=(2, 3, 1, 4)).astype(np.float32)
    layer = cache.layer(0, np.array([[2], [0]]), np.ones((2, 1, 1, 3), bool))
    layer.write(k, 2 * k)
    keys, values = layer.visible()
    assert keys.shape == values.shape == (2, 3, 3, 4)
    np.testing.assert_array_equal(values, 2 * keys)


def test_selected_rows_are_a_copy(rng):
    cache = KVCache(2, 3, 2, 4, 5, np.float64)
    cache.keys[...] = rng.normal(size=cache.keys.shape)
    cache.values[...] = rng.normal(size=cache.values.shape)
    cache.lengths[...] = [1, 2, 3]
    chosen = cache.rows(np.array([2, 0, 2]))
    for i, row in enumerate([2, 0, 2]):
        n = cache.lengths[row]
        np.testing.assert_array_equal(chosen.keys[:, i, :, :n], cache.keys[:, row, :, :n])
        np.testing.assert_array_equal(chosen.values[:, i, :, :n], cache.values[:, row, :, :n])
    np.testing.assert_array_equal(chosen.lengths, [3, 1, 3])
    chosen.keys[...] = 0
    assert (cache.keys != 0).all()


def test_kept_positions_are_the_first_ones():
    cache = KVCache(1, 3, 1, 6, 2, np.float64)
    cache.lengths[...] = [5, 2, 3]
    cache.keep(3)
    assert cache.lengths.tolist() == [3, 2, 3]


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("soft_cap", [None, 1.5])
def test_a_cache_with_fewer_heads_gives_the_full_pass(window, soft_cap, rng, assert_close):
    settings = {"dropout": 0.0, "bias": True, "proj_std": 0.02, "n_kv_head": 2, "head_size": 3}
    layer = SelfAttention(10, 6, **settings, window=window, soft_cap=soft_cap)
    layer.initialize(dtype=np.float64)
    layer.store.values[...] = rng.normal(size=layer.store.values.shape)
    x = rng.normal(size=(2, 9, 10))
    expected, _ = layer.forward(x)
    cache = KVCache(1, 2, 2, 12, 3, np.float64)
    for start, stop in ((0, 4), (4, 7), (7, 8), (8, 9)):
        new, old = np.arange(start, stop), np.arange(stop)
        seen = old <= new[:, None]
        if window is not None:
            seen &= old > new[:, None] - window
        positions, mask = np.tile(new, (2, 1)), np.tile(seen, (2, 1, 1, 1))
        y = layer.extend(x[:, start:stop], cache.layer(0, positions, mask))
        assert_close(y, expected[:, start:stop], 1e-12)
    assert cache.keys.shape == (1, 2, 2, 12, 3)
