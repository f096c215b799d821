"""The compiled objective computes the numbers of the reference."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.timeseries.fitting.negative_log_likelihood import NegativeLogLikelihood
from scratchgpt.timeseries.fitting.optimizer import minimize_compiled
from scratchgpt.timeseries.fitting.regression import standardize
from scratchgpt.timeseries.fitting.search_space import SearchSpace
from scratchgpt.timeseries.orders import Orders

CASES = [
    ((0, 0, 1), (0, 0, 0, 0), 0, True),
    ((3, 0, 2), (0, 0, 0, 0), 0, True),
    ((1, 1, 2), (2, 1, 1, 4), 0, True),
    ((2, 0, 1), (0, 0, 0, 0), 3, True),
    ((1, 1, 1), (1, 0, 1, 4), 2, False),
]


@pytest.mark.parametrize(("order", "seasonal", "missing", "constrained"), CASES)
def test_the_compiled_value_and_gradient_equal_the_reference(
    order, seasonal, missing, constrained, rng, assert_close
):
    pytest.importorskip("numba")
    from scratchgpt.kernels.timeseries.search import minimize_from

    orders = Orders.of(order, seasonal)
    y = rng.normal(size=50).cumsum()
    y[10 : 10 + 2 * missing : 2] = np.nan
    standard = standardize(y, rng.normal(size=(50, 2)), orders)
    space = SearchSpace(orders, 2, constrained, constrained)
    function = NegativeLogLikelihood(standard, orders, space, conditional=False)
    z = rng.uniform(-0.5, 0.5, size=space.size)
    with kernels.disabled():
        expected, expected_gradient = function(z)
        sigma2 = function.sigma2(z)
    wide = np.full(space.size, np.inf)
    at, gradient, value, found_sigma2, *_ = minimize_from(function.problem, z, wide, 0, 0.0)
    assert (at == z).all()
    assert value == pytest.approx(expected, rel=1e-12)
    assert found_sigma2 == pytest.approx(sigma2, rel=1e-12)
    assert_close(gradient, expected_gradient, 1e-11)


def test_a_point_near_unit_roots_has_no_compiled_value(rng):
    pytest.importorskip("numba")
    orders = Orders(3, 0, 0)
    standard = standardize(rng.normal(size=50), np.zeros((50, 0)), orders)
    space = SearchSpace(orders, 0, True, True)
    function = NegativeLogLikelihood(standard, orders, space, conditional=False)
    assert minimize_compiled(function.problem, np.full(3, 6.0), space.bounded, 10) is None
    assert np.isfinite(function(np.full(3, 6.0))[0])


def test_there_is_no_compiled_problem_without_kernels_or_for_the_conditional_likelihood(rng):
    orders = Orders(1, 0, 0)
    standard = standardize(rng.normal(size=50), np.zeros((50, 0)), orders)
    space = SearchSpace(orders, 0, True, True)
    assert NegativeLogLikelihood(standard, orders, space, conditional=True).problem is None
    with kernels.disabled():
        assert NegativeLogLikelihood(standard, orders, space, conditional=False).problem is None
