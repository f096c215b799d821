import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError
from scratchgpt.timeseries import acf, load_example, pacf
from scratchgpt.timeseries.diagnostics.correlation import durbin_levinson

LYNX = load_example("lynx").values
PRESIDENTS = load_example("presidents").values


def test_a_case_computed_by_hand():
    # The mean of 1, 2, 3, 4 is 2.5: c_0 = 5/4, c_1 = 1.25/4, c_2 = -1.5/4, c_3 = -2.25/4.
    np.testing.assert_allclose(acf([1, 2, 3, 4], 3).values, [1, 0.25, -0.3, -0.45], rtol=1e-14)
    # phi_22 = (r_2 - r_1^2) / (1 - r_1^2).
    np.testing.assert_allclose(pacf([1, 2, 3, 4], 2).values, [1, 0.25, -0.3625 / 0.9375])


def test_the_same_as_r(assert_close):
    # acf(lynx, 5), pacf(lynx, 5)
    values = [1, 0.710818676080776, 0.214411457402601, -0.188525399693814, -0.433499248200867]
    assert_close(acf(LYNX, 5).values, [*values, -0.502217581904371], 1e-13)
    values = [1, 0.710818676080776, -0.587891838932607, -0.0390668520889129, -0.249569464718391]
    assert_close(pacf(LYNX, 5).values, [*values, -0.0943759926296948], 1e-13)


def test_the_same_as_r_with_missing_values(assert_close):
    # acf(presidents, 5, na.action = na.pass), pacf(presidents, 5, na.action = na.pass)
    found = acf(PRESIDENTS, 5)
    values = [1, 0.768374619253825, 0.660321241161441, 0.483664020044407, 0.396737652465497]
    assert_close(found.values, [*values, 0.249674787940034], 1e-13)
    values = [1, 0.768374619253825, 0.17070705510496, -0.171664119538471, 0.0552434615517574]
    assert_close(pacf(PRESIDENTS, 5).values, [*values, -0.133290201264254], 1e-13)
    assert found.n == 114


def test_the_same_as_statsmodels(statsmodels, assert_close, rng):
    from statsmodels.tsa.stattools import acf as acf_there
    from statsmodels.tsa.stattools import pacf as pacf_there

    for y in (LYNX, 1e6 + rng.standard_normal(200).cumsum()):
        ours = acf(y, 30, alpha=0.1)
        theirs = acf_there(y, nlags=30, fft=False, alpha=0.1, result_object=True)
        assert_close(ours.values, theirs.acf)
        assert_close(np.column_stack([ours.lower, ours.upper]), theirs.confint)
        ours = pacf(y, 30, alpha=0.1)
        theirs = pacf_there(y, nlags=30, method="ldb", alpha=0.1, result_object=True)
        assert_close(ours.values, theirs.pacf)
        assert_close(np.column_stack([ours.lower, ours.upper]), theirs.confint)


def test_the_band_of_white_noise_is_the_same_at_all_lags():
    band = acf(LYNX, 4, band="white").band
    np.testing.assert_allclose(band, [0, *[1.959963984540054 / np.sqrt(114)] * 4])
    np.testing.assert_allclose(pacf(LYNX, 4).band, band)


def test_95_of_100_correlations_of_noise_lie_in_the_band(rng):
    found = [acf(rng.standard_normal(500), 20) for _ in range(100)]
    inside = np.mean([np.abs(each.values[1:]) <= each.band[1:] for each in found])
    assert 0.93 < inside < 0.97


def test_the_default_number_of_lags_equals_that_of_r():
    assert acf(LYNX).values.shape == (21,)
    assert acf([1.0, 2.0, 4.0]).values.shape == (3,)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(0, 99))
def test_scale_and_shift_do_not_matter(shift, scale, seed):
    y = random_stream(seed, "series").standard_normal(40)
    np.testing.assert_allclose(acf(shift + scale * y).values, acf(y).values, atol=1e-8)
    np.testing.assert_allclose(pacf(shift - scale * y).values, pacf(y).values, atol=1e-8)


def test_the_recursion_solves_the_equations_of_each_order(rng):
    y = rng.standard_normal(30).cumsum()
    covariances = acf(y, 6).values
    coefficients, variances = durbin_levinson(covariances)
    for k in range(1, 7):
        matrix = covariances[np.abs(np.subtract.outer(range(k), range(k)))]
        phi = np.linalg.solve(matrix, covariances[1 : k + 1])
        np.testing.assert_allclose(coefficients[k - 1, :k], phi, rtol=1e-10, atol=1e-12)
        assert variances[k] == pytest.approx(1 - phi @ covariances[1 : k + 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: acf([0.1] * 7), "constant"),
        (lambda: acf([1.0, np.inf, 2.0]), r"y\[1\] is infinite"),
        (lambda: acf([np.nan] * 5), "0 observed values"),
        (lambda: acf(np.ones((3, 2))), r"shape \(3, 2\)"),
        (lambda: acf(["a", "b"]), "y is not an array of numbers"),
        (lambda: acf([1.0, 2.0], 2), "choose from 1 to 1"),
        (lambda: acf([1.0, 2.0, 0.0], alpha=5), "alpha=5 must be between 0 and 1"),
        (lambda: acf([1.0, 2.0, 0.0], band="gray"), "band='gray'; choose one of bartlett, white"),
        (lambda: acf([1.0, np.nan, 2.0], 2), "no two observed values of y are 1 apart"),
        (lambda: pacf([1.0, 2.0], 0), "n_lags=0 for a series of 2 values"),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(UserError, match=message):
        call()
