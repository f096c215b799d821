import numpy as np
import pytest

from scratchgpt.timeseries.fitting.search_space import SearchSpace
from scratchgpt.timeseries.likelihood.partial_autocorrelations import is_stationary
from scratchgpt.timeseries.orders import Orders

ORDERS = Orders.of((3, 1, 2), (1, 0, 2, 4))


def test_every_point_is_stationary_and_invertible(rng):
    space = SearchSpace(ORDERS, 2, stationary=True, invertible=True)
    for _ in range(20):
        z = 2 * rng.normal(size=space.size)
        coefficients, _ = space.forward(z)
        np.testing.assert_array_equal(coefficients[:2], z[:2])
        ar, ma, seasonal_ar, seasonal_ma = np.split(coefficients[2:], [3, 5, 6])
        assert is_stationary(ar)
        assert is_stationary(seasonal_ar)
        assert is_stationary(-ma)
        assert is_stationary(-seasonal_ma)


@pytest.mark.parametrize("stationary", [True, False])
@pytest.mark.parametrize("invertible", [True, False])
def test_the_inverse_recovers_the_point(rng, stationary, invertible):
    space = SearchSpace(ORDERS, 1, stationary, invertible)
    z = rng.normal(size=space.size)
    np.testing.assert_allclose(space.inverse(space.forward(z)[0]), z, rtol=1e-9)


@pytest.mark.parametrize("stationary", [True, False])
@pytest.mark.parametrize("invertible", [True, False])
def test_the_backward_pass_agrees_with_the_complex_step(rng, stationary, invertible):
    space = SearchSpace(ORDERS, 1, stationary, invertible)
    z, dcoefficients = rng.normal(size=space.size), rng.normal(size=space.size)
    _, saved = space.forward(z)
    dz = space.backward(dcoefficients, saved)
    for i in range(space.size):
        step = 1e-30j * np.eye(space.size)[i]
        slope = (space.forward(z + step)[0].imag @ dcoefficients) / 1e-30
        assert dz[i] == pytest.approx(slope, rel=1e-12)


def test_unconstrained_coefficients_are_searched_directly(rng):
    space = SearchSpace(ORDERS, 1, stationary=False, invertible=True)
    z = rng.normal(size=space.size)
    coefficients, _ = space.forward(z)
    free = ~space.bounded
    assert list(np.flatnonzero(free)) == [0, 1, 2, 3, 6]
    np.testing.assert_array_equal(coefficients[free], z[free])
