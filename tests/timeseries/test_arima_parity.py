"""The fits of R and of statsmodels, on real series.

R's were made by R 4.2.2's ``arima``, with the call that stands beside each in ``r_arima.json``, on
series that R and statsmodels ship. R and statsmodels start the differenced part of the state from
a large but finite variance, so that their own log-likelihoods are not comparable where there are
differences: all parameters are compared by the one exact likelihood.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.examples import EXAMPLES, load_example

R_FITS = json.loads(Path(__file__).with_name("r_arima.json").read_text(encoding="utf-8"))
NO_WORSE = 1e-4


def by_model():
    """The fits of R, those with the same model (by either of its methods) together."""
    models = {}
    for fit in R_FITS:
        models.setdefault(fit["call"].split(", method")[0] + ")", []).append(fit)
    return models


MODELS = by_model()
EMBEDDED = {call: fits for call, fits in MODELS.items() if fits[0]["series"] in EXAMPLES}
OTHERS = {call: fits for call, fits in MODELS.items() if call not in EMBEDDED}


def series_of(call, statsmodels=None):
    """The series of a call, with the logarithm it takes."""
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
    """R's estimates in our order: it puts the regression behind the coefficients."""
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
def test_no_fit_is_worse_than_that_of_r(call):
    assert_no_worse_than_r(call, series_of(call))


@pytest.mark.parametrize("call", OTHERS)
def test_no_fit_is_worse_than_that_of_r_on_the_series_of_statsmodels(call, statsmodels):
    assert_no_worse_than_r(call, series_of(call, statsmodels))


@pytest.mark.parametrize("call", MODELS)
def test_no_fit_is_worse_than_that_of_statsmodels(call, statsmodels):
    y = series_of(call, statsmodels)
    model = model_of(call, y)
    result = model.fit()
    fit = MODELS[call][0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels comments on its own starts
        theirs = statsmodels.tsa.arima.model.ARIMA(
            y, order=fit["order"], seasonal_order=fit["seasonal_order"], trend=fit["trend"]
        ).fit()
    assert result.llf >= model.loglike(theirs.params) - NO_WORSE
    assert model.param_names[-1] == theirs.param_names[-1] == "sigma2"
    if fit["trend"] is None:
        assert list(model.param_names) == theirs.param_names


def test_there_are_thirty_models_of_eight_series_at_least():
    assert len(MODELS) >= 60
    assert len({fit["series"] for fit in R_FITS}) >= 12
    assert len(EMBEDDED) >= 30


@pytest.mark.parametrize("call", EMBEDDED)
def test_coefficients_and_errors_are_those_of_r_where_the_optimum_is_sharp(call):
    """At an optimum that is the same, within a tenth of a thousandth, and well conditioned."""
    model = model_of(call, series_of(call))
    result = model.fit()
    fit = MODELS[call][0]
    theirs = r_params(fit, model)
    n = len(model.layout.columns)
    if result.llf - model.loglike(theirs) > 1e-5 or not np.isfinite(result.bse).all():
        pytest.skip("R stopped elsewhere")
    correlations = result.cov_params / np.outer(result.bse, result.bse)
    if np.linalg.cond(correlations) > 100 or result.bse[n:-1].max(initial=0) > 0.2:
        pytest.skip("the optimum is flat: many coefficients are as good")
    np.testing.assert_allclose(result.params[n:-1], theirs[n:-1], atol=1e-3)
    np.testing.assert_allclose(result.params[:n], theirs[:n], atol=0.02 * result.bse[:n].max(initial=1))
    assert result.sigma2 == pytest.approx(theirs[-1], rel=1e-3)
