"""The class ARIMA: accepted and refused arguments."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries.arima import ARIMA

Y = np.random.default_rng(7).normal(size=60).cumsum()
Z = np.random.default_rng(8).normal(size=(60, 2))


def test_parameters_have_the_names_and_the_order_of_statsmodels():
    model = ARIMA(Y, Z, order=(2, 0, 1), seasonal_order=(1, 0, 2, 4), trend="ct")
    assert model.param_names == (
        "const", "trend", "x1", "x2", "ar.L1", "ar.L2", "ma.L1",
        "ar.S.L4", "ma.S.L4", "ma.S.L8", "sigma2",
    )  # fmt: skip
    assert ARIMA(Y, order=(0, 1, 1), trend="t").param_names == ("drift", "ma.L1", "sigma2")
    assert ARIMA(Y, order=(0, 1, 0)).param_names == ("sigma2",)


def test_n_used_is_the_number_of_observed_values_minus_the_diffuse_ones():
    y = Y.copy()
    y[[3, 4, 50]] = np.nan
    model = ARIMA(y, order=(0, 1, 1), seasonal_order=(0, 1, 1, 4))
    assert (model.nobs, model.n_used) == (60, 60 - 3 - 5)


def test_the_repr_shows_the_orders():
    model = ARIMA(Y, order=(0, 1, 1), seasonal_order=(0, 1, 1, 12))
    assert repr(model) == "<ARIMA(0,1,1)(0,1,1)[12] of 60 observations>"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"endog": np.full(60, np.nan)}, "no observation: all 60 values are NaN"),
        ({"endog": [1.0, 2.0, np.inf, 3.0, 5.0]}, "infinite"),
        ({"endog": np.full(60, 2.5)}, "constant: all 60 observed values are 2.5"),
        ({"endog": [1.0, 3.0, 2.0, 5.0]}, "4 observations are too few for the 4 parameters of "
         r"ARIMA\(1,0,1\): const, ar.L1, ma.L1, sigma2"),
        ({"endog": Y[:13], "order": (0, 1, 1), "seasonal_order": (0, 1, 0, 12)},
         "13 observations minus 13 for the differences are too few"),
        ({"exog": Z[:59]}, "exog has 59 rows, but endog has 60"),
        ({"exog": np.where(Z[5, 1] == Z, np.nan, Z)}, "exog is nan in row 5, column 1"),
        ({"exog": np.ones(60)}, "const, x1 are linearly dependent"),
        ({"exog": np.zeros(60)}, "x1 cannot be used: it is 0 everywhere"),
        ({"exog": np.ones(60), "order": (0, 1, 1)}, "x1 cannot be used: the differences"),
        ({"exog": np.stack([Z[:, 0], Z[:, 1], Z @ [1, 2]], axis=1)}, "linearly dependent"),
        ({"order": (-1, 0, 0)}, "order"),
        ({"order": (1, 0, 0.5)}, "order"),
        ({"order": (1, 0)}, "order"),
        ({"seasonal_order": (1, 0, 0, 1)}, "period"),
        ({"seasonal_order": (1, 0, 0, 0)}, "period"),
        ({"seasonal_order": (-1, 0, 0, 4)}, "order"),
        ({"trend": "c", "order": (0, 1, 1)}, "turns the constant into 0"),
    ],
)  # fmt: skip
def test_invalid_arguments_are_refused_in_one_line(arguments, message):
    with pytest.raises(UserError, match=message) as refusal:
        ARIMA(**{"endog": Y, "order": (1, 0, 1), **arguments})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start_params": [0, 1.01, 0.2, 1]}, r"start_params: the autoregression \(1.01\) is not "
         "stationary"),
        ({"start_params": [0, 0.5, -1.2, 1]}, r"start_params: the moving average \(-1.2\) is not "
         "invertible"),
        ({"start_params": [0, 0.5, 1]}, r"start_params has shape \(3,\); ARIMA\(1,0,1\) has 4 "
         "parameters: const, ar.L1, ma.L1, sigma2"),
        ({"start_params": [0, 0.5, 0.2, -1]}, "start_params: sigma2=-1 must be positive"),
        ({"start_params": [0, np.nan, 0.2, 1]}, "start_params: ar.L1 is not a finite number"),
        ({"start_params": "good ones"}, "start_params is not an array of numbers"),
        ({"method": "ols"}, "method='ols' must be one of 'mle', 'css', 'css-mle'"),
        ({"max_iterations": 0}, "max_iterations=0 must be an integer of at least 1"),
    ],
)  # fmt: skip
def test_invalid_arguments_of_fit_are_refused_in_one_line(arguments, message):
    with pytest.raises(UserError, match=message) as refusal:
        ARIMA(Y, order=(1, 0, 1)).fit(**arguments)
    assert "\n" not in str(refusal.value)


def test_the_error_for_a_seasonal_start_names_the_seasonal_factor():
    model = ARIMA(Y, order=(1, 0, 0), seasonal_order=(1, 0, 1, 4), trend="n")
    with pytest.raises(UserError, match=r"the seasonal autoregression \(-1\) is not stationary"):
        model.fit(start_params=[0.5, -1.0, 0.3, 1.0])


def test_a_start_outside_the_region_is_allowed_if_the_constraint_is_off():
    model = ARIMA(Y, order=(0, 1, 1), enforce_invertibility=False)
    assert model.fit(start_params=[1.5, 1.0]).converged
    free = ARIMA(Y, order=(1, 0, 0), trend="n", enforce_stationarity=False)
    assert free.fit(start_params=[1.01, 1.0], method="css").converged
    with pytest.raises(UserError, match="is not stationary; give stationary coefficients"):
        free.fit(start_params=[1.01, 1.0])


@pytest.mark.parametrize(
    ("endog", "arguments", "message"),
    [
        (3 + 2 * np.arange(30.0), {"order": (1, 1, 0)}, r"differenced for ARIMA\(1,1,0\) is const"),
        (3 + 2 * np.arange(30.0), {"order": (1, 0, 0), "trend": "ct"},
         "minus the fit of its 2 regression"),
        (np.tile([1.0, 4.0, 2.0], 12), {"order": (1, 0, 0), "seasonal_order": (0, 1, 0, 3)},
         "constant; there is nothing to model"),
        (Z @ [2.0, 3.0], {"exog": Z, "order": (1, 0, 0)},
         "minus the fit of its 3 regression terms"),
    ],
)  # fmt: skip
def test_a_series_with_constant_residuals_is_refused(endog, arguments, message):
    with pytest.raises(UserError, match=message):
        ARIMA(endog, **arguments).fit()


def test_the_conditional_sum_of_squares_refuses_missing_values():
    y = Y.copy()
    y[30] = np.nan
    model = ARIMA(y, order=(1, 0, 0))
    with pytest.raises(UserError, match='method="css" needs a series without missing'):
        model.fit(method="css")
    exact, both = model.fit(), model.fit(method="css-mle")
    np.testing.assert_allclose(both.params, exact.params, rtol=1e-4)


def test_regressors_that_are_dependent_on_the_observed_rows_are_refused():
    y, z = Y.copy(), np.zeros(60)
    z[20:25], y[20:25] = Z[20:25, 0], np.nan
    with pytest.raises(UserError, match="at the times when endog is observed"):
        ARIMA(y, z, order=(1, 0, 0))


def test_columns_of_any_scale_are_accepted():
    time = np.arange(60.0)
    ARIMA(Y, np.stack([1e9 + time, 1e-9 * time**2], axis=1), order=(1, 1, 0))
    ARIMA(Y, time + 1e5, order=(1, 0, 0))


def test_future_regressors_are_checked_and_found_by_name(pandas):
    frame = pandas.DataFrame(Z, columns=["rain", "price"])
    result = ARIMA(Y, frame, order=(1, 0, 0)).fit()
    assert result.param_names == ("const", "rain", "price", "ar.L1", "sigma2")
    ahead = pandas.DataFrame({"price": [1.0, 2.0], "rain": [3.0, 4.0], "other": [0.0, 0.0]})
    expected = result.forecast(2, exog=[[3.0, 1.0], [4.0, 2.0]])
    np.testing.assert_array_equal(result.forecast(2, exog=ahead), expected)
    np.testing.assert_array_equal(result.forecast(1, exog=[3.0, 1.0]), expected[:1])
    with pytest.raises(
        UserError,
        match=r"the model has regressors \(rain, price\); pass their values at the 2 times .*exog",
    ):
        result.forecast(2)
    with pytest.raises(UserError, match="exog has 3 rows, but the forecast has 2"):
        result.forecast(2, exog=np.zeros((3, 2)))
    with pytest.raises(UserError, match="exog has 1 columns, but the model has 2: rain, price"):
        result.forecast(2, exog=[1.0, 2.0])
    with pytest.raises(UserError, match="the model has no regressors"):
        ARIMA(Y, order=(1, 0, 0)).fit().forecast(2, exog=[1.0, 2.0])


def test_the_score_is_the_gradient_of_the_log_likelihood(rng):
    model = ARIMA(Y, Z, order=(1, 1, 1))
    params = np.array([0.3, -0.2, 0.4, 0.5, 1.3])
    for conditional in (False, True):
        score = model.score(params, conditional=conditional)
        for i in range(len(params)):
            step = 1e-5 * np.eye(len(params))[i]
            slope = (
                model.loglike(params + step, conditional=conditional)
                - model.loglike(params - step, conditional=conditional)
            ) / 2e-5
            assert score[i] == pytest.approx(slope, rel=1e-6)


def test_arima_imports_no_language_model_and_no_pandas():
    code = (
        "import sys, scratchgpt.timeseries.arima as a, numpy as np\n"
        "a.ARIMA([1.0, 2.0, 4.0, 3.0, 5.0, 4.0], order=(0, 1, 0)).fit().forecast(3)\n"
        "print(*sys.modules)"
    )
    names = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "pandas" not in names
    assert not [n for n in names if n.startswith(("scratchgpt.models", "scratchgpt.ops"))]


def test_css_with_fewer_residuals_than_parameters_is_refused():
    y = Y[:15]
    model = ARIMA(y, order=(3, 1, 1), seasonal_order=(0, 1, 0, 7))
    assert model.fit().converged
    with pytest.raises(
        UserError, match="more values after the first 11 than the model has parameters"
    ):
        model.fit(method="css")
    np.testing.assert_array_equal(model.fit(method="css-mle").params, model.fit().params)


@pytest.mark.parametrize("seed", range(4))
def test_an_almost_noiseless_series_is_fitted_or_reported_as_not_converged(seed):
    """The estimates are near the boundary of the parameter space; all results must be finite."""
    y = np.sin(np.arange(60) / 3) + 1e-4 * np.random.default_rng(seed).normal(size=60)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = ARIMA(y, order=(3, 0, 1)).fit()
    assert np.isfinite(result.params).all()
    assert np.isfinite(result.llf)
    assert np.isfinite(result.get_forecast(3).se_mean).all()
    assert "ar.L3" in result.summary()
    assert result.converged or any("did not converge" in str(each.message) for each in said)


CLASHES = ("const", "sigma2", "ar.L1", "ma.L1", "exog.const", "drift", "ma.S.L4")


@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        (
            {"order": (1, 0, 1)},
            (
                "exog.const",
                "exog.sigma2",
                "exog.ar.L1",
                "exog.ma.L1",
                "exog.exog.const",
                *CLASHES[5:],
            ),
        ),
        (
            {"order": (0, 1, 1), "seasonal_order": (0, 0, 1, 4), "trend": "t"},
            (
                "const",
                "exog.sigma2",
                "ar.L1",
                "exog.ma.L1",
                "exog.const",
                "exog.drift",
                "exog.ma.S.L4",
            ),
        ),
        (
            {"order": (0, 0, 0), "trend": "n"},
            ("const", "exog.sigma2", *CLASHES[2:]),
        ),
    ],
    ids=str,
)
def test_parameters_have_distinct_names_whatever_the_regressors_are_called(
    pandas, arguments, listed
):
    x = np.random.default_rng(5).normal(size=(60, len(CLASHES)))
    table = pandas.DataFrame(x, columns=CLASHES)
    plain = ARIMA(Y, x, **arguments).fit()
    result = ARIMA(pandas.Series(Y), table, **arguments).filter(plain.params)
    names = [listed[int(name[1:]) - 1] if name[0] == "x" else name for name in plain.param_names]
    assert list(result.param_names) == names
    assert len(set(names)) == len(names)
    assert dict(result.params) == dict(zip(names, plain.params, strict=True))
    assert all(f"\n{name} " in result.summary() for name in names)

    ahead = result.forecast(3, exog=table.iloc[:3, ::-1])
    np.testing.assert_allclose(ahead, plain.forecast(3, exog=x[:3]))
    by_name = result.params.iloc[::-1]
    assert result.model.loglike(by_name) == pytest.approx(plain.llf, rel=1e-12)
    with pytest.raises(UserError, match=r"params has no parameter 'sigma2'.*; its parameters are"):
        result.model.loglike(by_name.rename({"sigma2": "sigma"}))


def test_regressors_of_the_same_name_are_refused(pandas):
    table = pandas.DataFrame(np.random.default_rng(5).normal(size=(60, 3)), columns=["a", "b", "a"])
    with pytest.raises(UserError, match="exog has several columns named 'a'; rename them"):
        ARIMA(Y, table)
    with pytest.raises(UserError, match="exog has several columns named '7'; rename them"):
        ARIMA(Y, table.set_axis([7, "b", "7"], axis=1))


def test_long_names_keep_their_ends_in_the_summary(pandas):
    names = ["temperature of the air at noon", "temperature of the air at night"]
    table = pandas.DataFrame(np.random.default_rng(5).normal(size=(60, 2)), columns=names)
    text = ARIMA(Y, table, order=(1, 0, 0)).fit().summary()
    assert all(f"\n{name} " in text for name in names)
