import numpy as np
import pytest

from scratchgpt.timeseries.fitting.regression import standardize
from scratchgpt.timeseries.fitting.search_space import SearchSpace
from scratchgpt.timeseries.fitting.starting import (
    hannan_rissanen,
    shrink_to_stationary,
    starting_points,
)
from scratchgpt.timeseries.likelihood.partial_autocorrelations import is_stationary
from scratchgpt.timeseries.orders import Orders


def test_hannan_rissanen_estimates_are_close_to_the_truth(rng, arma_process):
    w = arma_process(rng, 20_000, ar=[0.5, 0.2], ma=[0.4])
    found = hannan_rissanen(w, Orders.of((2, 0, 1)))
    np.testing.assert_allclose(found, [0.5, 0.2, 0.4], atol=0.1)


def test_the_order_is_that_of_the_parameters(rng, arma_process):
    """The non-seasonal ar, the non-seasonal ma, and then the seasonal factors."""
    ar, ma = np.zeros(4), np.zeros(5)
    ar[3], ma[[0, 3, 4]] = 0.6, [-0.5, 0.3, -0.15]  # (1 - 0.5 B) (1 + 0.3 B^4)
    w = arma_process(rng, 20_000, ar=ar, ma=ma)
    found = hannan_rissanen(w, Orders.of((0, 0, 1), (1, 0, 1, 4)))
    np.testing.assert_allclose(found, [-0.5, 0.6, 0.3], atol=0.1)


@pytest.mark.parametrize("n", [3, 8, 12, 20, 40])
def test_a_short_series_gives_a_valid_starting_point(rng, n):
    orders = Orders.of((2, 0, 2), (1, 0, 1, 4))
    found = hannan_rissanen(rng.normal(size=n).cumsum(), orders)
    for phi in (found[:2], -found[2:4], found[4:5], -found[5:]):
        assert is_stationary(phi)


def test_shrinking_multiplies_the_inverse_roots():
    phi = np.array([2.0, -1.5])  # inverse roots of modulus 1.22
    inside = shrink_to_stationary(phi)
    before, after = (np.roots([1.0, *-x]) for x in (phi, inside))
    np.testing.assert_allclose(np.abs(after), 0.95)
    np.testing.assert_allclose(after / before, 0.95 / 1.5**0.5)
    stationary = np.array([0.5, 0.2])
    assert shrink_to_stationary(stationary) is stationary
    assert not shrink_to_stationary(np.zeros(3)).any()


def points(orders, n, *, thorough=True, columns=0):
    orders = Orders.of(*orders)
    y = np.random.default_rng(1).normal(size=n).cumsum()
    standard = standardize(y, np.ones((n, columns)), orders)
    space = SearchSpace(orders, columns, stationary=True, invertible=True)
    found = starting_points(standard, orders, space, thorough=thorough)
    assert all(z.shape == (space.size,) and np.isfinite(z).all() for z in found)
    return found


def test_only_mixed_models_are_searched_from_several_points():
    plain, seasonal = ((2, 1, 2),), ((1, 0, 0), (0, 0, 1, 4))
    assert len(points(((3, 0, 0),), 100, columns=1)) == 1
    assert len(points(((0, 1, 3), (0, 1, 1, 4)), 100)) == 1
    assert len(points(plain, 100)) == len(points(seasonal, 100)) == 4
    assert len(points(plain, 100, thorough=False)) == 1
    assert len(points(plain, 2000)) == 1
