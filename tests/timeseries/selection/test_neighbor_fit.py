import numpy as np
import pytest

from scratchgpt.timeseries import ARIMA, load_example
from scratchgpt.timeseries.selection.neighbor_fit import start_from

Y = np.log(load_example("airline").values)


def model(order, seasonal, trend=None):
    return ARIMA(Y, order=order, seasonal_order=(*seasonal, 12), trend=trend)


def test_parameters_that_the_neighbor_lacks_are_0():
    neighbor = model((1, 1, 1), (0, 1, 1)).fit()
    larger = model((2, 1, 1), (1, 1, 1))
    start = dict(zip(larger.param_names, start_from(larger, neighbor), strict=True))
    assert start["ar.L2"] == start["ar.S.L12"] == 0
    for name, value in zip(neighbor.param_names, neighbor.params, strict=True):
        assert start[name] == pytest.approx(value)


def test_a_larger_model_starts_at_the_likelihood_of_the_neighbor():
    neighbor = model((0, 1, 1), (0, 1, 1)).fit()
    larger = model((1, 1, 2), (1, 1, 1))
    assert larger.loglike(start_from(larger, neighbor)) == pytest.approx(neighbor.llf)


def test_a_smaller_model_has_the_first_coefficients_and_they_are_stationary():
    # The first coefficient of (1.5, -0.9) alone would be explosive.
    neighbor = model((2, 1, 0), (0, 1, 0)).filter([1.5, -0.9, 1.0])
    smaller = model((1, 1, 0), (0, 1, 0))
    assert start_from(smaller, neighbor) == pytest.approx([0.99, 1])
    neighbor = model((0, 1, 2), (0, 1, 0)).filter([1.5, 0.9, 1.0])
    assert start_from(model((0, 1, 1), (0, 1, 0)), neighbor) == pytest.approx([0.99, 1])


def test_there_is_no_start_if_the_constants_differ():
    neighbor = model((0, 1, 1), (0, 0, 0), "t").fit()
    assert start_from(model((0, 1, 2), (0, 0, 0)), neighbor) is None
    assert start_from(model((0, 1, 2), (0, 0, 0), "t"), neighbor) is not None
