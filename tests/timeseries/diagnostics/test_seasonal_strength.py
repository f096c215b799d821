import numpy as np
import pytest

from scratchgpt.timeseries import load_example, seasonal_strength
from scratchgpt.timeseries.diagnostics.seasonal_strength import fill_in


@pytest.mark.parametrize(
    ("name", "strength"),
    [
        # forecast:::seas.heuristic(AirPassengers), of USAccDeaths, of co2
        ("airline", 0.94067249031021838),
        ("accidents", 0.94479446488915575),
        ("co2", 0.98977159122203207),
    ],
)
def test_the_same_as_r(name, strength):
    assert seasonal_strength(load_example(name).values, 12) == pytest.approx(strength, rel=1e-12)


def test_close_to_r_with_missing_values():
    # forecast:::seas.heuristic(presidents), which fills gaps with a robust decomposition
    found = seasonal_strength(load_example("presidents").values, 4)
    assert found == pytest.approx(0.30366513744686308, abs=0.01)


def test_the_strength_is_between_0_and_1(rng):
    noise = rng.standard_normal(200)
    season = np.tile([5.0, 0.0, -3.0, -2.0], 50)
    assert 0 <= seasonal_strength(noise, 4) < 0.3
    assert seasonal_strength(noise + 10 * season, 4) > 0.98
    assert seasonal_strength(np.zeros(20), 4) == 0


def test_gaps_are_filled_by_interpolation_plus_season(rng):
    whole = 20 + 0.3 * np.arange(60) + np.tile([3.0, -1.0, -4.0, 2.0], 15)
    y = whole + 0.01 * rng.standard_normal(60)
    y[[0, 7, 20, 21, 41]] = np.nan
    filled = fill_in(y, 4)
    np.testing.assert_allclose(filled, whole, atol=0.8)
    np.testing.assert_array_equal(filled[~np.isnan(y)], y[~np.isnan(y)])


def test_without_a_season_gaps_are_filled_with_lines():
    y = np.array([np.nan, 1, np.nan, 3, np.nan, np.nan, 6, np.nan])
    np.testing.assert_allclose(fill_in(y, 1), [1, 1, 2, 3, 4, 5, 6, 6])
