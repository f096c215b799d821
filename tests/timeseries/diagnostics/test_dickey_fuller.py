import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries import dickey_fuller, load_example

NILE = load_example("nile").values


@pytest.mark.parametrize(
    ("trend", "statistic"),
    [
        # urca::ur.df(Nile, type = "none", "drift" or "trend", lags = 2)@teststat[1]
        ("n", -0.795648317726037),
        ("c", -3.15882088470484),
        ("ct", -3.93130569294372),
    ],
)
def test_the_same_as_r(trend, statistic):
    found = dickey_fuller(NILE, trend, 2, criterion=None)
    assert found.statistic == pytest.approx(statistic, rel=1e-12)
    assert (found.lags, found.n) == (2, 97)


@pytest.mark.parametrize("trend", ["n", "c", "ct"])
@pytest.mark.parametrize("criterion", ["aic", "bic", None])
def test_the_same_as_statsmodels(statsmodels, rng, trend, criterion):
    from statsmodels.tsa.stattools import adfuller

    walk = rng.standard_normal(300).cumsum()
    for y in (NILE, walk, 1e6 + walk, walk.cumsum(), rng.standard_normal(25), np.exp(walk / 9)):
        autolag = criterion and criterion.upper()
        theirs = adfuller(y, regression=trend, autolag=autolag, result_object=True)
        ours = dickey_fuller(y, trend, criterion=criterion)
        assert (ours.lags, ours.n) == (theirs.lags, theirs.nobs)
        assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-8)
        assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-7)
        critical = list(theirs.critical_values.values())
        assert list(ours.critical_values.values()) == pytest.approx(critical, rel=1e-12)


def test_a_case_computed_by_hand():
    # Regress the differences 1, -2, 3, -1 on the levels 0, 1, -1, 2: rho = (-2 - 3 - 2) / 6. The
    # residual sum of squares is 15 - 49 / 6, with 3 degrees of freedom.
    found = dickey_fuller([0, 1, -1, 2, 1], "n", 0)
    assert found.statistic == pytest.approx(-7 / 6 / np.sqrt((15 - 49 / 6) / 3 / 6))


@pytest.mark.parametrize("trend", ["n", "c", "ct"])
def test_one_random_walk_in_20_is_rejected(rng, trend):
    walks = rng.standard_normal((1000, 100)).cumsum(1)
    found = [dickey_fuller(y, trend, 0) for y in walks]
    assert 0.035 < np.mean([each.p_value < 0.05 for each in found]) < 0.065
    critical = found[0].critical_values
    for level in (0.01, 0.05, 0.10):
        share = np.mean([each.statistic < critical[level] for each in found])
        assert abs(share - level) < 4 * np.sqrt(level / 1000)


def test_the_p_value_has_no_jump_where_its_two_formulas_meet():
    from scratchgpt.timeseries.diagnostics.dickey_fuller import SURFACES, _p_value

    for surface in SURFACES.values():
        left, right = (_p_value(surface.middle + side, surface) for side in (-1e-9, 1e-9))
        assert left == pytest.approx(right, rel=0.02)
        assert _p_value(surface.smallest - 1, surface) == 0
        assert _p_value(3.0, surface) > 0.99


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([3, 3, 3, 3],), "constant"),
        (([1, 2, 4, 8, 16, 32], "n", 0), "is an exact function of its own past"),
        (([1, 2, 4, 7], "x"), "trend='x'; choose one of 'n', 'c', 'ct'"),
        (([1, 2, 4, 7], "c", 3), "max_lags=3 for a series of 4 values.*choose from 0 to 0"),
        (([1, 2, 4, 7], "ct"), "too short"),
        (([1, 2, 4],), "at least 4"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message):
    with pytest.raises(UserError, match=message):
        dickey_fuller(*arguments)


def test_the_criterion_is_one_of_three():
    with pytest.raises(UserError, match="criterion='hqic'; choose 'aic', 'bic' or None"):
        dickey_fuller(NILE, criterion="hqic")
