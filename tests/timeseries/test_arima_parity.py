"""Comparison with the fits of R and of statsmodels on real series.

The fits of R are by ``arima`` of R 4.2.2, with the calls given in ``r_arima.json``, on series that
R and statsmodels ship. R and statsmodels start the differenced part of the state from a large but
finite variance, so their log-likelihoods are not comparable if the model has differences. All
estimates are therefore compared by our exact likelihood.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.data.examples import EXAMPLES, load_example

R_FITS = json.loads(Path(__file__).with_name("r_arima.json").read_text(encoding="utf-8"))
NO_WORSE = 1e-4

# Models for which R stops at a lower maximum, or before a maximum on the boundary, and the amount
# by which our log-likelihood is higher.
HIGHER = {
    "arima(Nile, c(2,1,2))": 0.01,
    "arima(LakeHuron, c(2,0,2))": 0.4,
    "arima(sunspot.year, c(3,0,3))": 21,
}


def by_model():
    """Group the fits of R by model; R fits a model by one or two methods."""
    models = {}
    for fit in R_FITS:
        models.setdefault(fit["call"].split(", method")[0] + ")", []).append(fit)
    return models


MODELS = by_model()
EMBEDDED = {call: fits for call, fits in MODELS.items() if fits[0]["series"] in EXAMPLES}
OTHERS = {call: fits for call, fits in MODELS.items() if call not in EMBEDDED}


def series_of(call, statsmodels=None):
    """Load the series of a call and take its logarithm if the call does."""
    name = MODELS[call][0]["series"]
    if name in EXAMPLES:
        y = load_example(name).values
    elif name == "elnino":
        y = statsmodels.datasets.elnino.load_pandas().data.to_numpy()[:, 1:].ravel()
    else:
        y = statsmodels.datasets.macrodata.load_pandas().data[name].to_numpy()
    if "log10(" in call:
        return np.log10(y)
    return np.log(y) if "log(" in call else y


def model_of(call, y):
    fit = MODELS[call][0]
    return ARIMA(y, order=fit["order"], seasonal_order=fit["seasonal_order"], trend=fit["trend"])


def r_params(fit, model):
    """Convert the estimates of R to our order; R puts the regression after the coefficients."""
    n_columns = len(model.layout.columns)
    coefficients, columns = np.split(fit["coef"], [len(fit["coef"]) - n_columns])
    return np.concatenate([columns, coefficients, [fit["sigma2"]]])


def assert_no_worse_than_r(call, y):
    model = model_of(call, y)
    result = model.fit()
    assert result.converged
    for fit in MODELS[call]:
        theirs = model.loglike(r_params(fit, model))
        assert result.llf >= theirs - NO_WORSE, fit["call"]
    return result


@pytest.mark.parametrize("call", EMBEDDED)
def test_no_fit_is_worse_than_the_fit_of_r(call):
    assert_no_worse_than_r(call, series_of(call))


@pytest.mark.parametrize("call", OTHERS)
def test_no_fit_is_worse_than_the_fit_of_r_on_the_series_of_statsmodels(call, statsmodels):
    assert_no_worse_than_r(call, series_of(call, statsmodels))


@pytest.mark.parametrize("call", MODELS)
def test_no_fit_is_worse_than_the_fit_of_statsmodels(call, statsmodels):
    y = series_of(call, statsmodels)
    model = model_of(call, y)
    result = model.fit()
    fit = MODELS[call][0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels warns about its starting parameters
        theirs = statsmodels.tsa.arima.ARIMA(
            y, order=fit["order"], seasonal_order=fit["seasonal_order"], trend=fit["trend"]
        ).fit()
    assert result.llf >= model.loglike(theirs.params) - NO_WORSE
    assert model.param_names[-1] == theirs.param_names[-1] == "sigma2"
    if fit["trend"] is None:
        assert list(model.param_names) == theirs.param_names


def test_there_are_enough_models_and_series():
    assert len(MODELS) >= 60
    assert len({fit["series"] for fit in R_FITS}) >= 12
    assert len(EMBEDDED) >= 30


@pytest.mark.parametrize("call", [call for call in EMBEDDED if call not in HIGHER])
def test_estimates_equal_those_of_r(call):
    """The tolerances, 0.0015 and a fiftieth of a standard error, are the precision of R."""
    model = model_of(call, series_of(call))
    result = model.fit()
    assert result.warnings == ()
    n_columns = len(model.layout.columns)
    for fit in MODELS[call]:
        gap = np.abs(result.params - r_params(fit, model))
        assert (gap < 0.02 * result.bse).all(), fit["call"]
        assert gap[n_columns:-1].max(initial=0) < 1.5e-3, fit["call"]


@pytest.mark.parametrize("call", HIGHER)
def test_a_higher_maximum_than_that_of_r_is_found(call):
    model = model_of(call, series_of(call))
    result = model.fit()
    best = max(model.loglike(r_params(fit, model)) for fit in MODELS[call])
    assert result.llf > best + HIGHER[call]


# Regression, coefficients and sigma2 of
# arima(..., method="CSS", optim.control=list(reltol=1e-14)).
R_CSS = {
    "arima(Nile, c(1,0,1))": [889.324504, 0.886801959, -0.604797349, 19576.2468],
    "arima(sunspot.year, c(2,0,0))": [49.4199439, 1.39000364, -0.692563167, 274.377562],
    "arima(log(AirPassengers), c(0,1,1), list(order=c(0,1,1), period=12))": [
        -0.377162271,
        -0.572378085,
        0.0013887499,
    ],
    "arima(USAccDeaths, c(0,1,1), list(order=c(1,0,0), period=12))": [
        -0.510456012,
        0.875289993,
        115375.382,
    ],
}


@pytest.mark.parametrize("call", R_CSS)
def test_the_css_estimates_equal_those_of_r(call):
    result = model_of(call, series_of(call)).fit(method="css")
    np.testing.assert_allclose(result.params, R_CSS[call], rtol=2e-5)


@pytest.mark.parametrize("call", R_CSS)
def test_mle_and_css_mle_reach_the_same_likelihood(call):
    model = model_of(call, series_of(call))
    assert model.fit(method="css-mle").llf == pytest.approx(model.fit().llf, abs=1e-5)
