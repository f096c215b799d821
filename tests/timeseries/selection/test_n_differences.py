import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries import load_example, n_differences, n_seasonal_differences


@pytest.mark.parametrize(
    ("name", "d", "D", "d_after_D"),
    [
        # ndiffs(Nile), and so on; nsdiffs(AirPassengers), ndiffs(diff(AirPassengers, 12)), ...
        ("nile", 1, 0, 1),
        ("airline", 1, 1, 1),
        ("sunspots", 1, 0, 1),
        ("lynx", 0, 0, 0),
        ("huron", 1, 0, 1),
        ("accidents", 0, 1, 1),
        ("co2", 1, 1, 1),
        ("presidents", 0, 0, 0),
    ],
)
def test_the_same_as_r(name, d, D, d_after_D):
    series = load_example(name)
    y, period = series.values, series.period
    assert n_differences(y) == d
    if period > 1:
        assert n_seasonal_differences(y, period) == D
    if D:
        assert n_differences(y[period:] - y[:-period]) == d_after_D


def test_each_cumulative_sum_needs_one_more_difference(rng):
    noise = rng.standard_normal(300)
    walk = noise.cumsum()
    found = [n_differences(y) for y in (noise, walk, walk.cumsum(), walk.cumsum().cumsum())]
    assert found == [0, 1, 2, 2]
    assert n_differences(walk.cumsum(), max_d=1) == 1
    assert n_differences(walk, max_d=0) == 0


def test_the_level_of_the_test_counts():
    # The statistic of this series lies between the critical values of 5 % and 1 %.
    y = np.append(np.zeros(30), np.full(12, 0.8)) + np.tile([1.0, -1.0], 21)
    assert n_differences(y, alpha=0.1) >= n_differences(y) >= n_differences(y, alpha=0.01)
    assert n_differences(y, alpha=0.1) != n_differences(y, alpha=0.01)


def test_a_constant_series_is_not_differenced_further():
    assert n_differences(np.full(40, 0.1)) == 0
    assert n_differences(np.arange(40.0)) == 1
    assert n_seasonal_differences(np.tile([1.0, 2.0, 5.0], 9), 3) == 1
    assert n_seasonal_differences(np.tile([1.0, 2.0, 5.0], 9), 3, max_D=2) == 1


def test_a_short_series_has_no_season():
    assert n_seasonal_differences(np.tile([1.0, 2.0, 5.0], 2), 3) == 0


def test_missing_values_are_dropped(rng):
    walk = rng.standard_normal(200).cumsum()
    walk[[3, 50, 51]] = np.nan
    assert n_differences(walk) == 1


def test_a_level_outside_of_the_table_is_refused():
    with pytest.raises(UserError, match=r"alpha=0.2 must be from 0.01 to 0.1"):
        n_differences([1.0, 2.0], alpha=0.2)
