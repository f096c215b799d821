import warnings

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries import kpss, load_example

NILE = load_example("nile").values


def test_a_case_computed_by_hand():
    # 1, 2, 3, 4 minus its mean is -1.5, -0.5, 0.5, 1.5. The cumulative sums are -1.5, -2, -1.5, 0,
    # so the numerator is 8.5 / 16. The variance is 5/4, and with one lag 5/4 + 2/4 (1/2) 1.25.
    assert kpss([1, 2, 3, 4], lags=0).statistic == pytest.approx(0.425)
    assert kpss([1, 2, 3, 4], lags=1).statistic == pytest.approx(0.53125 / 1.5625)


@pytest.mark.parametrize(
    ("trend", "lags", "statistic"),
    [
        # urca::ur.kpss(Nile, type = "mu" or "tau", lags = "short" or "long")@teststat
        ("c", "short", 0.96543490775266),
        ("c", "long", 0.549719702439636),
        ("ct", "short", 0.23758697598997),
        ("ct", "long", 0.168987953167489),
    ],
)
def test_the_same_as_r(trend, lags, statistic):
    assert kpss(NILE, trend, lags).statistic == pytest.approx(statistic, rel=1e-12)


@pytest.mark.parametrize("trend", ["c", "ct"])
@pytest.mark.parametrize("lags", ["auto", 0, 7])
def test_the_same_as_statsmodels(statsmodels, rng, trend, lags):
    from statsmodels.tsa.stattools import kpss as there

    for y in (NILE, rng.standard_normal(77), 1e5 + rng.standard_normal(300).cumsum()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a p-value beyond the table
            theirs = there(y, trend, lags, result_object=True)
        ours = kpss(y, trend, lags)
        assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-10)
        assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-10)
        assert ours.lags == theirs.lags


def test_the_p_value_is_interpolated_in_the_table():
    found = kpss(NILE, "ct", "long")
    assert found.critical_values == {0.10: 0.119, 0.05: 0.146, 0.025: 0.176, 0.01: 0.216}
    between = 0.05 + (0.168987953167489 - 0.146) / 0.030 * (0.025 - 0.05)
    assert found.p_value == pytest.approx(between, rel=1e-9)
    assert kpss(NILE, lags=0).p_value == 0.01


@pytest.mark.parametrize("trend", ["c", "ct"])
def test_one_stationary_series_in_20_is_rejected(rng, trend):
    noise = rng.standard_normal((600, 200)) + 0.1 * np.arange(200) * (trend == "ct")
    rejected = np.mean([kpss(y, trend, 0).p_value <= 0.05 for y in noise])
    assert 0.03 < rejected < 0.07


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([3, 3, 3],), "constant"),
        (([1, 2, 3, 4], "ct"), "an exact line"),
        (([1, 2, 4], "x"), "trend='x'; choose 'c'"),
        (([1, 2, 4], "c", 3), "lags=3 for 3 values"),
        (([1, 2, 4], "c", -1), "lags=-1 for 3 values"),
        (([1, 2, 4], "c", "some"), "lags='some' for 3 values; choose 'auto'"),
        (([1, np.nan, 4, 5],), "missing"),
        (([1, 2],), "at least 3"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message):
    with pytest.raises(UserError, match=message):
        kpss(*arguments)
