"""Fits of simulated series recover the parameters, at the nominal rate of the intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from scratchgpt.errors import UserError
from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.fitting.search_space import SearchSpace

MODELS = {
    "AR(2)": ({"order": (2, 0, 0)}, [0.5, -0.3], []),
    "MA(1)": ({"order": (0, 0, 1)}, [], [0.6]),
    "ARMA(1,1)": ({"order": (1, 0, 1)}, [0.7], [0.4]),
    "seasonal": (
        {"order": (1, 0, 0), "seasonal_order": (0, 0, 1, 4)},
        [0.5],
        [0, 0, 0, 0.5],
    ),
}


@pytest.mark.compiled
@pytest.mark.parametrize("name", MODELS)
def test_intervals_contain_the_truth_at_their_nominal_rate(name, rng, arma_process):
    """The number of hits of 200 intervals of 90 % lies in the 99.9 % range of the binomial."""
    arguments, ar, ma = MODELS[name]
    truth = np.array([3.0, *(x for x in ar if x), *(x for x in ma if x), 1.0])
    n_series = 200
    hits = np.zeros(len(truth), dtype=int)
    for _ in range(n_series):
        y = 3.0 + arma_process(rng, 250, ar, ma)
        lower, upper = ARIMA(y, **arguments).fit(thorough=False).conf_int(alpha=0.1).T
        hits += (lower < truth) & (truth < upper)
    low, high = binom.interval(0.999, n_series, 0.9)
    assert (hits >= low).all(), hits
    assert (hits <= high).all(), hits


@pytest.mark.compiled
@given(
    seed=st.integers(0, 10**6),
    p=st.integers(0, 2),
    q=st.integers(0, 2),
    d=st.integers(0, 1),
)
def test_random_models_are_recovered_within_five_standard_errors(arma_process, seed, p, q, d):
    """The comparison is by likelihood, because nearly canceling factors are not identified."""
    rng = np.random.default_rng(seed)
    model = ARIMA(rng.normal(size=20), order=(p, 0, q), trend="n")
    space = SearchSpace(model.orders, 0, stationary=True, invertible=True)
    coefficients, _ = space.forward(rng.uniform(-0.8, 0.8, size=space.size))
    ar, ma = np.split(coefficients, [p])
    y = arma_process(rng, 2000, ar, ma)
    y = y.cumsum() if d else y
    result = ARIMA(y, order=(p, d, q), trend="n").fit()
    truth = np.array([*coefficients, 1.0])
    assert result.llf >= result.model.loglike(truth)
    # Twice the gain in log-likelihood is chi-squared, with one degree of freedom per parameter.
    assert 2 * (result.llf - result.model.loglike(truth)) < 5**2 + 2 * len(truth)


def test_a_regression_is_recovered_with_its_standard_errors(rng, arma_process):
    x = rng.normal(size=(400, 2)).cumsum(axis=0)
    y = 5 + x @ [2.0, -1.0] + arma_process(rng, 400, [0.6])
    result = ARIMA(y, x, order=(1, 0, 0)).fit()
    truth = np.array([5, 2, -1, 0.6, 1])
    assert (np.abs(result.params - truth) < 4 * result.bse).all()
    assert (result.bse[1:3] < 0.1).all()


def test_estimates_reach_the_boundary_of_the_parameter_space(rng):
    """Overdifferenced noise has a moving average with a root on the unit circle.

    The likelihood has its maximum on this boundary more often than not (Sargan and Bhargava 1983,
    Econometrica 51).
    """
    found = [ARIMA(rng.normal(size=50), order=(0, 1, 1)).fit() for _ in range(30)]
    assert all(result.converged for result in found)
    at_the_edge = [abs(result.params[0] + 1) < 1e-3 for result in found]
    assert 10 < sum(at_the_edge) < 28


def test_an_explosive_autoregression_is_estimated_if_allowed(rng):
    y = [1.0]
    for e in rng.normal(size=60):
        y.append(1.1 * y[-1] + e)
    model = ARIMA(y, order=(1, 0, 0), trend="n", enforce_stationarity=False)
    result = model.fit(method="css")
    assert result.params[0] == pytest.approx(1.1, abs=0.01)
    assert np.abs(result.standardized_resid[1:]).max() < 5
    assert "ar.L1" in result.summary()
    ahead = result.get_forecast(3)
    phi = result.params[0] ** np.arange(1, 4)
    np.testing.assert_allclose(ahead.predicted_mean, phi * y[-1])
    variance = result.sigma2 * np.cumsum(np.append(1, phi[:2] ** 2))
    np.testing.assert_allclose(ahead.var_pred_mean, variance)
    with pytest.raises(UserError, match="is not stationary"):
        result.simulate(5)  # there is no stationary distribution to start from
    assert np.isfinite(result.simulate(5, anchor="end")).all()
    assert model.fit().params[0] < 1
    enforced = ARIMA(y, order=(1, 0, 0), trend="n").fit(method="css")
    assert enforced.params[0] < 1


def test_a_non_invertible_moving_average_has_the_same_likelihood(rng, arma_process):
    y = arma_process(rng, 300, ma=[0.5])
    inside = ARIMA(y, order=(0, 0, 1), trend="n").fit()
    free = ARIMA(y, order=(0, 0, 1), trend="n", enforce_invertibility=False)
    outside = free.fit(start_params=[1 / inside.params[0], inside.params[1]])
    assert outside.params[0] == pytest.approx(1 / inside.params[0], rel=1e-3)
    assert outside.llf == pytest.approx(inside.llf, abs=1e-6)
