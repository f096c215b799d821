import math

import pytest

from scratchgpt.timeseries.fitting.information import criteria


def test_r_and_statsmodels_print_these_for_the_airline_model():
    """arima(log(AirPassengers), c(0,1,1), list(order=c(0,1,1), period=12), kappa=1e9)."""
    found = criteria(244.69649, n_used=131, n_params=3)
    assert found.aic == pytest.approx(-483.39298, abs=1e-5)
    assert found.aicc == pytest.approx(-483.20400, abs=1e-5)
    assert found.bic == pytest.approx(-474.76739, abs=1e-5)
    assert found.hqic == pytest.approx(-479.88802, abs=1e-5)


def test_aicc_is_infinite_with_too_few_observations():
    assert criteria(-3.0, n_used=5, n_params=4).aicc == math.inf
    assert math.isfinite(criteria(-3.0, n_used=6, n_params=4).aicc)
    assert criteria(-3.0, n_used=10**9, n_params=4).aicc == pytest.approx(14, abs=1e-6)


def test_hqic_of_one_observation_is_nan():
    assert math.isnan(criteria(-3.0, n_used=1, n_params=1).hqic)
