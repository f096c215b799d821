import numpy as np
import pytest

from scratchgpt.timeseries import ARIMA, load_example
from scratchgpt.timeseries.orders import Orders
from scratchgpt.timeseries.selection.model_search import ModelSearch, describe
from scratchgpt.timeseries.selection.stepwise import Candidate

NILE = load_example("nile").values


def search_of(y, d=0, D=0, period=1, criterion="aicc", exog=None, on_tried=None):
    return ModelSearch(y, exog, d, D, period, criterion, on_tried)


@pytest.mark.parametrize(
    ("orders", "trend", "name"),
    [
        (((1, 0, 0),), "c", "ARIMA(1,0,0) with non-zero mean"),
        (((1, 0, 0),), "n", "ARIMA(1,0,0) with zero mean"),
        (((1, 1, 0),), "t", "ARIMA(1,1,0) with drift"),
        (((0, 1, 1), (0, 1, 1, 12)), "n", "ARIMA(0,1,1)(0,1,1)[12]"),
        (((0, 0, 1), (0, 1, 1, 4)), "t", "ARIMA(0,0,1)(0,1,1)[4] with drift"),
    ],
)
def test_a_model_is_formatted_as_in_r(orders, trend, name):
    assert describe(Orders.of(*orders), trend) == name


@pytest.mark.parametrize("criterion", ["aicc", "aic", "bic"])
def test_the_criterion_equals_that_of_a_direct_fit(criterion):
    search = search_of(NILE, d=1, criterion=criterion)
    value = search.evaluate(Candidate(1, 1, 0, 0, False))
    fit = ARIMA(NILE, order=(1, 1, 1)).fit()
    assert value == pytest.approx(getattr(fit, criterion), abs=1e-4)
    assert search.tried[0].criterion == value
    assert search.tried[0].refused == ""


def test_the_constant_is_a_mean_or_a_drift():
    for d, trend in ((0, "c"), (1, "t")):
        search = search_of(NILE, d=d)
        search.evaluate(Candidate(1, 0, 0, 0, True))
        search.evaluate(Candidate(1, 0, 0, 0, False))
        assert [each.trend for each in search.tried] == [trend, "n"]


def test_the_best_is_kept_and_each_is_reported():
    reported = []
    search = search_of(NILE, d=1, on_tried=reported.append)
    values = [search.evaluate(Candidate(p, 1, 0, 0, False)) for p in (0, 1, 2)]
    assert reported == search.tried
    assert search.least == min(values)
    assert search.best.model.orders.p == int(np.argmin(values))
    assert search.result().aicc <= min(values)


def test_a_root_near_the_unit_circle_is_refused(rng):
    search = search_of(np.cumsum(rng.standard_normal(300)) + 1e3)
    assert search.evaluate(Candidate(1, 0, 0, 0, True)) == np.inf
    assert search.tried[0].refused == "the autoregression has a root near the unit circle"
    search = search_of(np.diff(rng.standard_normal(300)))
    assert search.evaluate(Candidate(0, 1, 0, 0, False)) == np.inf
    assert search.tried[0].refused == "the moving average has a root near the unit circle"
    assert search.result() is None


def test_a_seasonal_root_is_a_root_of_the_whole_polynomial():
    # The coefficient 0.9 has roots of modulus 0.9^(-1/12) = 1.009 at lag 12, and 1.027 at lag 4.
    rng = np.random.default_rng(1)
    for s, is_refused in ((12, True), (4, False)):
        y = np.zeros(3000)
        for t in range(s, y.size):
            y[t] = 0.9 * y[t - s] + rng.standard_normal()
        search = search_of(y, period=s)
        assert (search.evaluate(Candidate(0, 0, 1, 0, False)) == np.inf) == is_refused


def test_a_model_that_cannot_be_fitted_is_refused_with_a_reason():
    search = search_of([1.0, 2.0, 0.0, 4.0, 3.0])
    assert search.evaluate(Candidate(3, 3, 0, 0, True)) == np.inf
    assert "too few" in search.tried[0].refused


def test_the_fit_of_a_neighbor_starts_from_the_best_model():
    search = search_of(NILE, d=1)
    search.evaluate(Candidate(0, 1, 0, 0, False))
    smaller = search.best.llf
    value = search.evaluate(Candidate(1, 1, 0, 0, False), True)
    assert search.best.llf > smaller
    assert value == pytest.approx(ARIMA(NILE, order=(1, 1, 1)).fit().aicc, abs=1e-4)
