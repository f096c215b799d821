import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries.fitting.trend import trend_columns, trend_names, trend_powers
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.orders import Orders

ARMA = Orders.of((1, 0, 1))
ONCE = Orders.of((0, 1, 1))
SEASONAL = Orders.of((0, 0, 1), (0, 1, 1, 4))
TWICE = Orders.of((0, 1, 1), (0, 1, 1, 12))


@pytest.mark.parametrize(
    ("trend", "powers"),
    [
        ("n", ()),
        ("c", (0,)),
        ("t", (1,)),
        ("ct", (0, 1)),
        ("ctt", (0, 1, 2)),
        ([1, 1, 0, 1], (0, 1, 3)),
        ([0, 0, 1], (2,)),
        ([], ()),
    ],
)
def test_a_trend_is_powers_of_time(trend, powers):
    assert trend_powers(trend, ARMA) == powers


def test_by_default_there_is_a_constant_without_differences_only():
    assert trend_powers(None, ARMA) == (0,)
    for orders in (ONCE, SEASONAL, TWICE):
        assert trend_powers(None, orders) == ()


@pytest.mark.parametrize(
    ("trend", "orders", "message"),
    [
        ("c", ONCE, r"takes 1 difference, which turns the constant into 0.*use trend='t'"),
        ("ct", SEASONAL, "the constant"),
        ("t", TWICE, r"ARIMA\(0,1,1\)\(0,1,1\)\[12\] takes 2 differences, which turn the linear"),
        ([0, 0, 0, 1], Orders.of((0, 4, 0)), "the power 3 of time"),
        ("x", ARMA, "trend='x' must be one of 'n', 'c'"),
        ([2], ARMA, "must be one of"),
        (3, ARMA, "must be one of"),
    ],
)
def test_a_trend_that_cannot_be_estimated_is_refused(trend, orders, message):
    with pytest.raises(UserError, match=message):
        trend_powers(trend, orders)


def test_exactly_the_powers_that_differences_remove_are_refused():
    columns = trend_columns((0, 1, 2), 0, 40)
    for orders in (ONCE, SEASONAL, TWICE, Orders.of((0, 2, 0))):
        left = np.abs(difference(columns, orders.d, orders.D, orders.s)).max(axis=0)
        assert list(left > 0) == [power >= orders.d + orders.D for power in (0, 1, 2)]


def test_time_starts_at_one_and_continues_in_the_future():
    np.testing.assert_array_equal(trend_columns((0, 2), 0, 3), [[1, 1], [1, 4], [1, 9]])
    np.testing.assert_array_equal(trend_columns((0, 2), 3, 1), [[1, 16]])
    assert trend_columns((), 0, 5).shape == (5, 0)


def test_the_slope_of_a_differenced_series_is_called_drift():
    assert trend_names((0, 1, 2), ARMA) == ("const", "trend", "trend.2")
    assert trend_names((1,), ONCE) == ("drift",)
    assert trend_names((1,), SEASONAL) == ("drift",)
