"""Arrays are stored once, and what is too large becomes a picture."""

import numpy as np

from scratchgpt.explore.values import Values, operands, pooled, product, total


def test_equal_arrays_are_stored_once_and_the_first_source_is_kept():
    values = Values(100)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    a = values.add(x)
    b = values.add(x.T.copy().T, total("tc", 7))
    assert a == b
    assert values[a].how == total("tc", 7)
    assert values.add(x.reshape(3, 2)) != a
    assert values.add(x, total("tc", 8)) == a
    assert values[a].how == total("tc", 7)


def test_an_array_is_not_its_own_source():
    values = Values(100)
    a = values.add(np.ones(3))
    values.add(np.ones(3), total("t", a))
    assert values[a].how is None


def test_a_number_can_be_followed_if_all_its_sources_are_on_the_page_with_their_numbers():
    values = Values(6)
    a, large = values.add(np.ones(3)), values.add(np.ones((3, 4)))
    b = values.add(np.full(3, 2.0), total("t", a, a))
    c = values.add(np.full(3, 5.0), product("t", (large, "tc"), over="c"))
    assert values.can_be_followed(b, {a, b})
    assert not values.can_be_followed(b, {b})
    assert not values.can_be_followed(c, {a, b, c, large})
    assert operands(values[b].how) == [a, a]


def test_a_pooled_picture_has_the_numbers_of_largest_magnitude():
    x = np.random.default_rng(0).standard_normal((300, 70)).astype(np.float32)
    picture = pooled(x)
    assert picture.shape == (64, 64)
    assert np.isin(picture, x).all()
    assert np.abs(picture).max() == np.abs(x).max()
    x[5, 5] = np.nan
    assert np.isnan(pooled(x)).sum() == 1
    assert pooled(x[0]).shape == (1, 64)


def test_statistics_are_of_the_finite_elements():
    values = Values(100)
    found = values[values.add(np.array([3.0, -4.0, -np.inf, np.nan]))].statistics
    assert found == (-4.0, 3.0, 5.0, 1, 1)
    assert values[values.add(np.array([np.nan]))].statistics.least is None
