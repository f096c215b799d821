import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries.orders import Orders


def test_orders_are_formatted_as_in_r():
    assert str(Orders.of((0, 1, 1), (0, 1, 1, 12))) == "ARIMA(0,1,1)(0,1,1)[12]"
    assert str(Orders.of((2, 0, 1))) == "ARIMA(2,0,1)"
    assert str(Orders.of((2, 0, 1), (0, 0, 0, 12))) == "ARIMA(2,0,1)"


def test_lags_are_counted():
    orders = Orders.of(np.array([2, 1, 1]), [1, 1, 2, 4])
    assert (orders.n_ar, orders.n_ma, orders.n_diffuse) == (6, 9, 5)
    assert orders.n_coefficients == (2, 1, 1, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((-1, 0, 0),), r"order=\(-1, 0, 0\) must be \(p, d, q\), all non-negative integers"),
        (((1, 0.0, 0),), "all non-negative integers"),
        (((True, 0, 0),), "all non-negative integers"),
        ((("1", 0, 0),), "all non-negative integers"),
        (((1, 0),), r"order=\(1, 0\) must be \(p, d, q\)"),
        ((5,), r"order=5 must be \(p, d, q\)"),
        (((1, 0, 0), (1, 0, 0)), r"seasonal_order=\(1, 0, 0\) must be \(P, D, Q, s\)"),
        (((1, 0, 0), (0, -1, 0, 4)), "seasonal_order=.*all non-negative integers"),
        (((1, 0, 0), (1, 0, 0, 1)), "the period s=1 must be 2 or more, for example 12"),
        (((1, 0, 0), (0, 1, 0, 0)), "the period s=0 must be 2 or more"),
    ],
)
def test_invalid_orders_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Orders.of(*arguments)
