import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError
from scratchgpt.timeseries import load_example, stl

AIRLINE = load_example("airline").values


@pytest.mark.parametrize(
    ("window", "seasonal", "trend"),
    [
        # stl(AirPassengers, s.window = 11 or 7)$time.series[c(1, 2, 60, 143, 144), ]
        (
            11,
            [
                -16.9770740863708,
                -17.1776333371614,
                -24.6849295602312,
                -75.594634255091,
                -44.1963249789503,
            ],
            [
                *(123.145056928086, 123.7250692399),
                *(227.38901428628, 493.138373702536, 496.683254025195),
            ],
        ),
        (
            7,
            [
                -13.7186535267346,
                -8.7800835420246,
                -24.0610748046134,
                -84.6748255562297,
                -51.5271413314058,
            ],
            [
                122.536917649433,
                123.238323590552,
                227.830020347056,
                492.459291288936,
                495.992096826481,
            ],
        ),
    ],
)
def test_the_same_as_r(window, seasonal, trend):
    found = stl(AIRLINE, 12, window)
    places = [0, 1, 59, 142, 143]
    assert found.seasonal[places] == pytest.approx(seasonal, rel=1e-12)
    assert found.trend[places] == pytest.approx(trend, rel=1e-12)


@pytest.mark.parametrize(("n", "period"), [(25, 12), (43, 6), (300, 2), (750, 364)])
def test_the_same_as_statsmodels(statsmodels, rng, n, period):
    from statsmodels.tsa.seasonal import STL

    y = rng.standard_normal(n).cumsum() + rng.standard_normal(n)
    ours = stl(y, period)
    # Use the windows and jumps of R, which differ from the defaults of statsmodels. For an odd
    # period, statsmodels rejects the windows of R.
    trend = int(np.ceil(1.5 * period / (1 - 1.5 / 11)))
    trend += trend % 2 == 0
    low_pass = period + 1
    jumps = [-(-window // 10) for window in (11, trend, low_pass)]
    names = ("seasonal_jump", "trend_jump", "low_pass_jump")
    theirs = STL(
        *(y, period, 11, trend, low_pass), seasonal_deg=0, **dict(zip(names, jumps, strict=True))
    ).fit(inner_iter=2, outer_iter=0)
    np.testing.assert_allclose(ours.trend, theirs.trend, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(ours.seasonal, theirs.seasonal, rtol=1e-10, atol=1e-10)


@given(st.integers(2, 9), st.integers(1, 60), st.integers(0, 99))
def test_the_components_sum_to_the_series(period, extra, seed):
    y = random_stream(seed, "stl").standard_normal(2 * period + extra)
    parts = stl(y, period)
    np.testing.assert_allclose(sum(parts), y, atol=1e-12)


def test_a_line_plus_a_constant_season_has_almost_no_remainder():
    season = np.tile([3.0, -1.0, -4.0, 2.0], 12)
    parts = stl(100 + 0.5 * np.arange(48) + season, 4)
    np.testing.assert_allclose(parts.seasonal, season, atol=0.1)
    np.testing.assert_allclose(parts.remainder, 0, atol=0.05)


def test_the_decomposition_is_linear(rng):
    x, y = rng.standard_normal((2, 50))
    both = stl(3 * x - 2 * y + 7, 6)
    for part, of_x, of_y in zip(both, stl(x, 6), stl(y, 6), strict=True):
        constant = 7 if part is both.trend else 0
        np.testing.assert_allclose(part, 3 * of_x - 2 * of_y + constant, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((AIRLINE, 1), "period=1; a season has at least 2"),
        ((AIRLINE[:24], 12), "y has 24 values; with period=12 more than 24"),
        ((AIRLINE, 12, 6), "window=6 must be odd"),
        ((AIRLINE, 12, 1), "window=1 must be odd and at least 3"),
        (([1.0, np.nan, 2.0], 2), "missing"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message):
    with pytest.raises(UserError, match=message):
        stl(*arguments)
