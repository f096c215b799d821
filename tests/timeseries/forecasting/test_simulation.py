import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries.arima import ARIMA

Y = np.random.default_rng(5).normal(size=60).cumsum()


def test_one_seed_gives_one_series():
    result = ARIMA(Y, order=(1, 0, 1)).fit()
    np.testing.assert_array_equal(result.simulate(20, 3), result.simulate(20, 3))
    assert (result.simulate(20, 3) != result.simulate(20, 4)).all()
    assert (result.simulate(20, 3) != result.simulate(20, 3, anchor="end")).all()


def test_simulations_are_stationary_from_the_first_value():
    """Estimate variance and autocovariance at every time over many series."""
    result = ARIMA(Y, order=(1, 0, 1), trend="n").filter([0.8, 0.4, 2.0])
    draws = np.stack([result.simulate(6, seed) for seed in range(4000)])
    variance = 2.0 * (1 + 2 * 0.8 * 0.4 + 0.16) / (1 - 0.64)
    covariance = 2.0 * (1 + 0.8 * 0.4) * (0.8 + 0.4) / (1 - 0.64)
    np.testing.assert_allclose(draws.var(axis=0), variance, rtol=0.1)
    found = (draws[:, 1:] * draws[:, :-1]).mean(axis=0)
    np.testing.assert_allclose(found, covariance, rtol=0.1)
    np.testing.assert_allclose(draws.mean(axis=0), 0, atol=0.25)


def test_the_parameters_are_recovered_from_a_long_simulation():
    orders = {"order": (1, 1, 1), "seasonal_order": (0, 1, 1, 4)}
    truth = np.array([0.5, 0.3, -0.6, 4.0])
    again = ARIMA(ARIMA(Y, **orders).filter(truth).simulate(3000, 1), **orders).fit()
    assert (np.abs(again.params - truth) < 4 * again.bse).all()


def test_a_simulation_anchored_at_the_end_continues_the_series():
    result = ARIMA(Y, order=(0, 1, 0)).filter([1e-12])
    np.testing.assert_allclose(result.simulate(5, anchor="end"), Y[-1], atol=1e-4)
    np.testing.assert_allclose(result.simulate(5), 0, atol=1e-4)


def test_simulations_include_the_regression():
    x = np.arange(60.0) ** 2
    result = ARIMA(Y, x, order=(1, 0, 0), trend="c").filter([3.0, 2.0, 0.5, 1e-12])
    np.testing.assert_allclose(result.simulate(60), 3 + 2 * x, atol=1e-3)
    ahead = result.simulate(2, anchor="end", exog=[1.0, 2.0]) - [5, 7]
    decay = 0.5 ** np.arange(1, 3) * (Y[-1] - 3 - 2 * x[-1])
    np.testing.assert_allclose(ahead, decay, atol=1e-3)
    with pytest.raises(UserError, match=r"pass their values at the 61 times .* as exog"):
        result.simulate(61)


def test_an_anchor_that_does_not_exist_is_refused():
    with pytest.raises(UserError, match="anchor='middle' must be 'start' or 'end'"):
        ARIMA(Y, order=(0, 1, 0)).fit().simulate(5, anchor="middle")
