import numpy as np

from scratchgpt.layers import KVCache


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
