import numpy as np
import pytest

from scratchgpt.timeseries import ARIMA, load_example
from scratchgpt.timeseries.selection.neighbour_fit import start_from

Y = np.log(load_example("airline").values)


def model(order, seasonal, trend=None):
    return ARIMA(Y, order=order, seasonal_order=(*seasonal, 12), trend=trend)


def test_what_the_neighbour_lacks_is_0():
    neighbour = model((1, 1, 1), (0, 1, 1)).fit()
    larger = model((2, 1, 1), (1, 1, 1))
    start = dict(zip(larger.param_names, start_from(larger, neighbour), strict=True))
    assert start["ar.L2"] == start["ar.S.L12"] == 0
    for name, value in zip(neighbour.param_names, neighbour.params, strict=True):
        assert start[name] == pytest.approx(value)


def test_a_larger_model_is_as_likely_there():
    neighbour = model((0, 1, 1), (0, 1, 1)).fit()
    larger = model((1, 1, 2), (1, 1, 1))
    assert larger.loglike(start_from(larger, neighbour)) == pytest.approx(neighbour.llf)


def test_a_smaller_model_has_the_first_coefficients_and_they_are_stationary():
    # Of 1.5, -0.9 the first alone is explosive.
    neighbour = model((2, 1, 0), (0, 1, 0)).filter([1.5, -0.9, 1.0])
    smaller = model((1, 1, 0), (0, 1, 0))
    assert start_from(smaller, neighbour) == pytest.approx([0.99, 1])
    neighbour = model((0, 1, 2), (0, 1, 0)).filter([1.5, 0.9, 1.0])
    assert start_from(model((0, 1, 1), (0, 1, 0)), neighbour) == pytest.approx([0.99, 1])


def test_with_another_constant_there_is_no_start():
    neighbour = model((0, 1, 1), (0, 0, 0), "t").fit()
    assert start_from(model((0, 1, 2), (0, 0, 0)), neighbour) is None
    assert start_from(model((0, 1, 2), (0, 0, 0), "t"), neighbour) is not None
