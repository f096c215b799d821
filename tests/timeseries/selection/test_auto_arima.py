import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries import ARIMA, auto_arima, load_example

# The models that R 4.2.2 with forecast 8.20 tries in auto.arima(AirPassengers, trace = TRUE), in
# order, and their AICc.
AIRLINE_TRACE = """
ARIMA(2,1,2)(1,1,1)[12] Inf
ARIMA(0,1,0)(0,1,0)[12] 1031.539
ARIMA(1,1,0)(1,1,0)[12] 1020.582
ARIMA(0,1,1)(0,1,1)[12] 1021.192
ARIMA(1,1,0)(0,1,0)[12] 1020.488
ARIMA(1,1,0)(0,1,1)[12] 1021.103
ARIMA(1,1,0)(1,1,1)[12] Inf
ARIMA(2,1,0)(0,1,0)[12] 1022.583
ARIMA(1,1,1)(0,1,0)[12] 1022.583
ARIMA(0,1,1)(0,1,0)[12] 1020.733
ARIMA(2,1,1)(0,1,0)[12] 1018.165
ARIMA(2,1,1)(1,1,0)[12] 1018.395
ARIMA(2,1,1)(0,1,1)[12] 1018.84
ARIMA(2,1,1)(1,1,1)[12] Inf
ARIMA(3,1,1)(0,1,0)[12] 1019.565
ARIMA(2,1,2)(0,1,0)[12] 1019.771
ARIMA(1,1,2)(0,1,0)[12] 1024.478
ARIMA(3,1,0)(0,1,0)[12] 1023.984
ARIMA(3,1,2)(0,1,0)[12] Inf
"""
# auto.arima(log(AirPassengers), trace = TRUE)
LOG_AIRLINE_TRACE = """
ARIMA(2,1,2)(1,1,1)[12] Inf
ARIMA(0,1,0)(0,1,0)[12] -434.799
ARIMA(1,1,0)(1,1,0)[12] -474.6299
ARIMA(0,1,1)(0,1,1)[12] -483.2101
ARIMA(0,1,1)(0,1,0)[12] -449.8857
ARIMA(0,1,1)(1,1,1)[12] -481.5957
ARIMA(0,1,1)(0,1,2)[12] -481.6451
ARIMA(0,1,1)(1,1,0)[12] -477.2164
ARIMA(0,1,1)(1,1,2)[12] Inf
ARIMA(0,1,0)(0,1,1)[12] -467.4644
ARIMA(1,1,1)(0,1,1)[12] -481.582
ARIMA(0,1,2)(0,1,1)[12] -481.2991
ARIMA(1,1,0)(0,1,1)[12] -481.3006
ARIMA(1,1,2)(0,1,1)[12] -481.5633
"""
MEAN = " with non-zero mean"
# The tolerance for differenced models, which R starts from a large but finite variance.
FINITE = 0.02


def series(name):
    example = load_example(name.removeprefix("log "))
    values = np.log(example.values) if name.startswith("log ") else example.values
    return values, example.period


@pytest.mark.parametrize(
    ("name", "trace"), [("airline", AIRLINE_TRACE), ("log airline", LOG_AIRLINE_TRACE)]
)
def test_the_same_models_are_tried_as_in_r(name, trace):
    theirs = [line.split() for line in trace.strip().splitlines()]
    ours = auto_arima(*series(name)).tried
    assert [each.name for each in ours] == [model for model, _ in theirs]
    for each, (_, aicc) in zip(ours, theirs, strict=True):
        assert each.criterion <= float(aicc) + FINITE  # our fit is as good as R's or better
        assert (each.criterion == np.inf) == bool(each.refused)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("name", "chosen", "aicc"),
    [
        # auto.arima(x, approximation = FALSE)
        ("nile", "ARIMA(1,1,1)", 1267.507395),
        ("airline", "ARIMA(2,1,1)(0,1,0)[12]", 1018.165165),
        ("log airline", "ARIMA(0,1,1)(0,1,1)[12]", -483.210085),
        ("sunspots", "ARIMA(2,1,3)", 2406.495408),
        ("lynx", "ARIMA(2,0,2)" + MEAN, 1876.952497),
        ("log lynx", "ARIMA(2,0,4)" + MEAN, 170.263168),
        ("huron", "ARIMA(0,1,0)", 220.257865),
        ("accidents", "ARIMA(0,1,1)(0,1,1)[12]", 857.316351),
        ("co2", "ARIMA(2,1,1)(0,1,1)[12]", 177.961400),
        ("presidents", "ARIMA(1,0,0)(0,0,1)[4]" + MEAN, 839.344485),
    ],
)
def test_the_same_choice_as_r(name, chosen, aicc):
    choice = auto_arima(*series(name))
    assert choice.name == chosen
    assert choice.results.aicc == pytest.approx(aicc, abs=FINITE)
    assert choice.results.aicc == pytest.approx(min(t.criterion for t in choice.tried), abs=1e-3)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("name", "options", "chosen", "criterion", "value"),
    [
        # auto.arima(Nile, stepwise = FALSE), auto.arima(lynx, stepwise = FALSE)
        ("nile", {"full": True}, "ARIMA(1,1,1)", "aicc", 1267.507395),
        ("lynx", {"full": True}, "ARIMA(4,0,0)" + MEAN, "aicc", 1875.006842),
        # auto.arima(LakeHuron, xreg = 1:98)
        ("huron", {"exog": np.arange(1.0, 99)}, "ARIMA(1,0,1)" + MEAN, "aicc", 213.047554),
        # auto.arima(LakeHuron, ic = "bic"), auto.arima(lynx, ic = "aic")
        ("huron", {"criterion": "bic"}, "ARIMA(0,1,0)", "bic", 222.790470),
        ("lynx", {"criterion": "aic"}, "ARIMA(2,0,2)" + MEAN, "aic", 1876.167450),
        # auto.arima(Nile, stationary = TRUE)
        ("nile", {"stationary": True}, "ARIMA(1,0,1)" + MEAN, "aicc", 1282.498631),
        # auto.arima(LakeHuron, d = 0), and with allowmean = FALSE
        ("huron", {"d": 0}, "ARIMA(1,0,1)" + MEAN, "aicc", 214.920629),
        (
            "huron",
            {"d": 0, "allow_constant": False},
            "ARIMA(0,0,0) with zero mean",
            "aicc",
            1526.970789,
        ),
        # auto.arima(USAccDeaths, D = 0)
        ("accidents", {"D": 0}, "ARIMA(1,0,0)(1,0,0)[12]" + MEAN, "aicc", 1075.487314),
        # auto.arima(USAccDeaths, max.p = 1, max.q = 0, max.P = 1, max.Q = 0)
        (
            "accidents",
            {"max_p": 1, "max_q": 0, "max_P": 1, "max_Q": 0},
            "ARIMA(1,1,0)(1,1,0)[12]",
            "aicc",
            863.703094,
        ),
    ],
)
def test_the_same_choice_as_r_with_options(name, options, chosen, criterion, value):
    choice = auto_arima(*series(name), **options)
    assert choice.name == chosen
    assert getattr(choice.results, criterion) == pytest.approx(value, abs=FINITE)


@pytest.mark.parametrize(
    ("y", "period", "chosen", "aicc"),
    [
        # auto.arima(ts(c(3, 1, 4, 1, 5, 9, 2)))
        ([3, 1, 4, 1, 5, 9, 2], 1, "ARIMA(0,0,0)" + MEAN, 40.300384),
        # auto.arima(ts(co2[1:30], frequency = 12))
        (load_example("co2").values[:30], 12, "ARIMA(0,1,0)(0,1,0)[12]", 18.044179),
    ],
)
def test_the_same_choice_as_r_for_short_series(y, period, chosen, aicc):
    choice = auto_arima(y, period)
    assert choice.name == chosen
    assert choice.results.aicc == pytest.approx(aicc, abs=1e-4)


def test_three_observations_are_compared_by_aic():
    # auto.arima(ts(c(1, 3, 2)), trace = TRUE), without (1,0,0), which has three parameters too
    choice = auto_arima([1.0, 3.0, 2.0])
    values = [each.criterion for each in choice.tried if not each.refused]
    assert values == pytest.approx([11.29724, 15.13497], abs=1e-5)
    assert choice.name == "ARIMA(0,0,0)" + MEAN


def test_the_full_grid_finds_the_lowest_criterion():
    y, _ = series("nile")
    walked, whole = auto_arima(y), auto_arima(y, full=True, max_order=3)
    assert whole.results.aicc <= walked.results.aicc + 1e-3
    assert len(whole.tried) == 2 * 10
    best = min(whole.tried, key=lambda each: each.criterion)
    assert best.name == whole.name


def test_the_results_equal_those_of_the_same_model_fitted_directly():
    y, period = series("log airline")
    results = auto_arima(y, period).results
    by_hand = ARIMA(y, order=(0, 1, 1), seasonal_order=(0, 1, 1, 12)).fit()
    assert results.llf == pytest.approx(by_hand.llf, abs=1e-6)
    np.testing.assert_allclose(results.forecast(12), by_hand.forecast(12), rtol=1e-5)


def test_on_tried_is_called_with_each_model():
    reported = []
    choice = auto_arima(*series("nile"), on_tried=reported.append)
    assert reported == choice.tried
    assert auto_arima(*series("nile"), n_models=6).tried == reported[:6]


def test_orders_stay_within_the_limits():
    choice = auto_arima(*series("sunspots"), max_p=1, max_q=1, start=(5, 5, 5, 5))
    assert max(max(each.orders.p, each.orders.q) for each in choice.tried) == 1
    choice = auto_arima(*series("accidents"), max_d=0, max_D=0)
    assert {(each.orders.d, each.orders.D) for each in choice.tried} == {(0, 0)}


def test_scale_does_not_change_the_choice():
    y, period = series("accidents")
    assert auto_arima(y * 1e-6, period).name == auto_arima(y, period).name


def test_a_regressor_that_explains_the_random_walk_avoids_a_difference(rng):
    walk = rng.standard_normal(120).cumsum()
    y = 5 + 3 * walk + rng.standard_normal(120)
    assert auto_arima(y).results.model.orders.d == 1
    choice = auto_arima(y, exog=walk)
    assert choice.results.model.orders.d == 0
    assert choice.results.forecast(3, exog=np.zeros(3)).shape == (3,)


def test_no_difference_is_taken_that_would_make_a_regressor_constant(rng):
    # The residuals need one difference, but it would turn the line into a constant.
    y = rng.standard_normal(120).cumsum()
    assert auto_arima(y, exog=np.arange(120.0), max_p=1, max_q=1).results.model.orders.d == 0


def test_missing_values_stay_missing():
    y, period = series("accidents")
    y = y.copy()
    y[[5, 30, 31]] = np.nan
    choice = auto_arima(y, period, max_p=1, max_q=1, max_P=1, max_Q=1)
    assert (choice.results.model.orders.d, choice.results.model.orders.D) == (1, 1)
    assert choice.results.nobs == 72


def test_a_pandas_series_keeps_its_index(pandas):
    example = load_example("nile")
    index = pandas.period_range("1871", periods=100, freq="Y")
    forecast = auto_arima(pandas.Series(example.values, index)).results.forecast(2)
    assert [str(each) for each in forecast.index] == ["1971", "1972"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: auto_arima([5.0] * 30), "constant"),
        (lambda: auto_arima(np.arange(30.0)), "constant after 1 differences and 0 seasonal diff"),
        (lambda: auto_arima(np.tile([1.0, 5.0, 2.0], 9), 3), "0 differences and 1 seasonal"),
        (lambda: auto_arima([np.nan] * 9), "NaN"),
        (lambda: auto_arima([1.0, np.inf, 2.0, 3.0]), "infinite"),
        (lambda: auto_arima([1.0, 2.0, 4.0], 0), "period=0 must be an integer of at least 1"),
        (lambda: auto_arima([1.0, 2.0, 4.0], 1.5), "period=1.5 must be"),
        (lambda: auto_arima([1.0, 2.0, 4.0], d=-1), "d=-1 must be a non-negative integer"),
        (lambda: auto_arima([1.0, 2.0, 4.0], max_p=1.5), "max_p=1.5 must be a non-negative int"),
        (lambda: auto_arima([1.0, 2.0, 4.0], start=(1, -2, 0, 0)), "start_q=-2 must be"),
        (lambda: auto_arima([1.0, 2.0, 4.0], d=3), "3 values are too few for differences"),
        (lambda: auto_arima([1.0, 2.0, 4.0], 4, D=1), "3 values are too few for differences"),
        (lambda: auto_arima([1.0, 2.0], exog=[1.0, 2.0, 3.0]), "exog has 3 rows"),
        (lambda: auto_arima([1.0, 2.0, 4.0], criterion="hqic"), "criterion='hqic' must be one of"),
        (
            lambda: auto_arima([1.0, 2.0, 4.0, 0.0, 1.0, 3.0], exog=np.eye(6)[:, :4]),
            "all .* models were rejected; .*too few",
        ),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(UserError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_regressors_that_no_model_can_use_are_refused_before_the_search(pandas):
    rng, months = np.random.default_rng(0), pandas.date_range("2020-01", periods=40, freq="MS")
    y = pandas.Series(rng.normal(size=40), index=months)
    x = pandas.DataFrame(rng.normal(size=(40, 2)), index=months, columns=["const", "ar.L1"])
    tried = []
    with pytest.raises(UserError, match=r"^the index of exog differs from that of endog"):
        auto_arima(y, exog=x.shift(freq="MS"), on_tried=tried.append)
    with pytest.raises(UserError, match=r"^exog has several columns named 'a'"):
        auto_arima(y, exog=x.set_axis(["a", "a"], axis=1), on_tried=tried.append)
    assert not tried
    choice = auto_arima(y, exog=x, max_p=1, max_q=1)
    assert not any("exog" in each.refused for each in choice.tried)
