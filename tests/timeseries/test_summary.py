import numpy as np
import pytest

from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.summary import Summary

Y = 1e4 + 1e3 * np.random.default_rng(3).normal(size=60).cumsum()


@pytest.fixture(scope="module")
def result():
    return ARIMA(Y, np.arange(60.0) ** 2, order=(1, 1, 1), trend="t").fit()


def test_the_summary_shows_every_parameter_with_its_uncertainty(result):
    lines = str(result.summary()).splitlines()
    for name, value, error in zip(result.param_names, result.params, result.bse, strict=True):
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        words = line.split()
        assert float(words[1]) == pytest.approx(value, rel=1e-3)
        assert float(words[2]) == pytest.approx(error, rel=1e-3)
        assert len(words) == 7


def test_the_summary_shows_the_orders_and_the_criteria(result):
    text = result.summary()
    assert "ARIMA(1,1,1)" in text.splitlines()[0]
    for value in (result.llf, result.aic, result.aicc, result.bic):
        assert f"{value:.3f}" in text
    assert "exact maximum likelihood; converged after" in text


def test_the_summary_fits_a_terminal(result):
    assert max(map(len, result.summary().splitlines())) <= 80


def test_the_level_of_the_intervals_is_written_above_them(result):
    assert "[0.025" in result.summary()
    assert "[0.05 " in result.summary(alpha=0.1)
    assert "0.95]" in result.summary(alpha=0.1)


def test_the_repr_of_the_summary_is_its_text(result):
    assert repr(result.summary()) == str(result.summary())
    assert isinstance(result.summary(), Summary)


def test_white_noise_passes_its_tests_and_a_wrong_model_does_not(rng):
    noise = str(ARIMA(rng.normal(size=300), order=(0, 0, 0)).fit().summary())
    wrong = str(ARIMA(rng.exponential(size=300).cumsum(), order=(0, 0, 0)).fit().summary())

    def p_value(text, test):
        return float(text.split(test)[1].split("p = ")[1].split()[0].rstrip(","))

    assert p_value(noise, "Ljung-Box") > 0.01
    assert p_value(noise, "Jarque-Bera") > 0.01
    assert p_value(wrong, "Ljung-Box") < 1e-3


def test_a_very_short_series_has_a_summary():
    text = ARIMA([3.0, 1.0, 2.0, 5.0, 3.5], order=(0, 1, 1)).fit().summary()
    assert "ma.L1" in text
