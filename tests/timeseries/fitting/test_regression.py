import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import interpolated
from scratchgpt.timeseries.fitting.regression import refuse_redundant_columns, standardize
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.orders import Orders

ORDERS = [Orders.of((1, 0, 0)), Orders.of((0, 1, 1)), Orders.of((0, 1, 1), (0, 1, 1, 4))]


@pytest.mark.parametrize("orders", ORDERS, ids=str)
def test_residuals_have_size_one_and_the_columns_are_orthogonal_to_them(rng, orders):
    y, design = 1e6 * rng.normal(size=50).cumsum(), rng.normal(size=(50, 2)) * [1e-3, 1e5]
    standard = standardize(y, design, orders)
    w = difference(standard.y, orders.d, orders.D, orders.s)
    columns = difference(standard.design, orders.d, orders.D, orders.s)
    assert w @ w / len(w) == pytest.approx(1, rel=1e-9)
    np.testing.assert_allclose(columns.T @ columns / len(w), np.eye(2), atol=1e-9)
    np.testing.assert_allclose(columns.T @ w / len(w), 0, atol=1e-9)


def test_coefficients_convert_back_to_the_units_of_the_data(rng):
    y, design = 3 + rng.normal(size=50), rng.normal(size=(50, 2))
    standard = standardize(y, design, ORDERS[0])
    g = rng.normal(size=2)
    beta = standard.beta + standard.to_beta @ g
    expected = y - design @ beta
    np.testing.assert_allclose(standard.scale * (standard.y - standard.design @ g), expected)


def test_the_start_is_least_squares(rng):
    y, design = rng.normal(size=50), rng.normal(size=(50, 3))
    expected = np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(standardize(y, design, ORDERS[0]).beta, expected)


def test_missing_values_are_interpolated_for_the_start_and_stay_missing(rng):
    y = 2.0 * np.arange(50) + rng.normal(size=50)
    y[[0, 7, 8]] = np.nan
    standard = standardize(y, np.ones((50, 1)), ORDERS[0])
    np.testing.assert_array_equal(np.isnan(standard.y), np.isnan(y))
    filled = interpolated(y)
    assert filled[0] == y[1]
    np.testing.assert_allclose(filled[7], y[6] + (y[9] - y[6]) / 3)
    assert interpolated(filled) is filled


@given(
    order=st.sampled_from([(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)]),
    seed=st.integers(0, 10**6),
    size=st.sampled_from([1e-3, 1.0, 1e6]),
)
def test_columns_without_an_effect_on_the_observed_values_are_refused(order, seed, size):
    """The differences cannot tell a season, a level or a line from the start of the series."""
    (d, D), rng, t = order, np.random.default_rng(seed), np.arange(48)
    orders = Orders.of((0, d, 1), (0, D, 1, 6) if D else (0, 0, 0, 0))
    hidden = np.polyval(rng.normal(size=d + D), t) if d + D else np.zeros(48)
    hidden += D * np.tile(rng.normal(size=6), 8)
    observed = rng.random(48) < 0.7
    observed[:14] = True
    column = size * np.where(observed, hidden, rng.normal(size=48))
    other = rng.normal(size=48)
    names = ("other", "hidden")
    with pytest.raises(UserError, match="hidden cannot be used: at the times when endog is obs"):
        refuse_redundant_columns(np.stack([other, column], axis=1), observed, names, orders)
    both = np.stack([other, 3 * size * other + column], axis=1)
    with pytest.raises(UserError, match="other, hidden are linearly dependent at the times"):
        refuse_redundant_columns(both, observed, names, orders)
    both[20 + np.argmax(observed[20:]), 1] += 1e-3 * size
    refuse_redundant_columns(both, observed, names, orders)
