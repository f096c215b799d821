import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries import ljung_box, load_example

LYNX = load_example("lynx").values


def test_the_same_as_r():
    # Box.test(lynx, 5, "Ljung-Box", fitdf = 2)
    found = ljung_box(LYNX, 5, n_parameters=2)
    assert found.statistic == pytest.approx([121.983003749593], rel=1e-12)
    assert found.lags.tolist() == [5]


def test_the_same_as_statsmodels(statsmodels, rng, assert_close):
    from statsmodels.stats.diagnostic import acorr_ljungbox

    noise = rng.standard_normal(80)
    theirs = acorr_ljungbox(noise, lags=20, model_df=3)
    ours = ljung_box(noise, range(1, 21), n_parameters=3)
    assert_close(ours.statistic, theirs.lb_stat.to_numpy())
    assert_close(ours.p_value[3:], theirs.lb_pvalue.to_numpy()[3:])
    assert np.isnan(ours.p_value[:3]).all()


def test_p_values_of_noise_are_uniform(rng):
    p = np.sort([ljung_box(rng.standard_normal(300), 5).p_value[0] for _ in range(400)])
    assert np.abs(p - np.arange(400) / 400).max() < 1.63 / 20  # Kolmogorov and Smirnov at 1 %


def test_missing_residuals_do_not_count(rng):
    noise = rng.standard_normal(60)
    found = ljung_box(np.append([np.nan] * 7, noise), 4)
    np.testing.assert_allclose(found.p_value, ljung_box(noise, 4).p_value, rtol=0.2)
    assert ljung_box(np.append([np.nan] * 7, noise)).lags.tolist() == [10]


def test_the_default_of_lags_suits_the_length(rng):
    assert ljung_box(rng.standard_normal(23)).lags.tolist() == [4]
    assert ljung_box([1.0, 2.0, 0.0]).lags.tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 1.0, 1.0],), "constant"),
        (([1.0, 2.0, 3.0], 3), "lags=3 for 3 residuals; choose from 1 to 2"),
        (([1.0, 2.0, 3.0], [1, 0]), r"lags=\[1, 0\]"),
        (([1.0, 2.0, 3.0], [1.5]), r"lags=\[1.5\]"),
        (([1.0],), "1 observed values; at least 2"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, message):
    with pytest.raises(UserError, match=message):
        ljung_box(*arguments)


def test_a_negative_number_of_parameters_is_refused():
    with pytest.raises(UserError, match="n_parameters=-1 must be at least 0"):
        ljung_box(LYNX, n_parameters=-1)
