import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError
from scratchgpt.timeseries import AR, load_example
from scratchgpt.timeseries.ar import METHODS as ESTIMATES

LYNX = load_example("lynx").values
each_method = pytest.mark.parametrize("method", ESTIMATES)


def simulate(rng, phi, n, mean=0.0):
    y = np.zeros(n + 200)
    for t in range(len(phi), y.size):
        y[t] = phi @ y[t - len(phi) : t][::-1] + rng.standard_normal()
    return y[200:] + mean


@pytest.mark.parametrize(
    ("method", "phi", "variance"),
    [
        # 1, 5, 6 minus its mean 4 is -3, 1, 2: c_0 = 14/3, c_1 = (-3 + 2)/3.
        ("yule-walker", -1 / 14, 14 / 3 * (1 - 1 / 196)),
        # 2 (-3 + 2) / (9 + 1 + 1 + 4).
        ("burg", -2 / 15, 14 / 3 * (1 - 4 / 225)),
    ],
)
def test_a_case_computed_by_hand(method, phi, variance):
    found = ESTIMATES[method](np.array([1.0, 5.0, 6.0]), 1)
    assert found[1].ar == pytest.approx([phi])
    assert found[1].sigma2 == pytest.approx(variance)
    assert found[0].sigma2 == pytest.approx(14 / 3)
    assert found[1].mean == 4


def test_least_squares_agree_with_the_regression_by_hand():
    # Regress 0, 1, 1, 3, 2 on 1, 0, 1, 1, 3. The means are 7/5 and 6/5, and the sums are
    # xy = 0 + 0 + 1 + 3 + 6 = 10 and xx = 12, so phi = (50 - 42) / (60 - 36) = 1/3.
    result = AR([1.0, 0.0, 1.0, 1.0, 3.0, 2.0], order=1).fit("least-squares")
    assert result.ar == pytest.approx([1 / 3])
    assert result.mean == pytest.approx((7 - 6 / 3) / 5 / (1 - 1 / 3))
    # The residual variance is (15 - 49/5 - (8/5) / 3) / 5.
    assert result.sigma2 == pytest.approx((15 - 9.8 - 1.6 / 3) / 5)
    assert result.bse == pytest.approx([np.sqrt(result.sigma2 / (12 - 36 / 5))])


@pytest.mark.parametrize(
    ("method", "ar", "bse", "mean", "variance"),
    [
        # ar(lynx, FALSE, 3, method = "yule-walker"), whose variance is 114 / 110 times ours.
        (
            "yule-walker",
            [1.10573609119369, -0.543796958953943, -0.0390668520889131],
            [0.0952734715088319, 0.132301685273008, 0.0952734715088319],
            1538.01754385965,
            835121.489551089 * 110 / 114,
        ),
        # ar(lynx, FALSE, 3, method = "burg")
        (
            "burg",
            [1.13512233624087, -0.574706971234433, -0.0259593227724033],
            [0.091338347947031, 0.126837168543023, 0.091338347947031],
            1538.01754385965,
            767559.380224317,
        ),
        # ar(lynx, FALSE, 3, method = "ols")
        (
            "least-squares",
            [1.13603100681022, -0.577387763087714, -0.0259113207854115],
            [0.0950152665860349, 0.132998982326716, 0.0951173970024004],
            1538.01754385965 + 14.9633642411446 / (1 - 0.5327319229370946),
            782142.940652112,
        ),
    ],
    ids=ESTIMATES,
)
def test_the_same_as_r(method, ar, bse, mean, variance):
    result = AR(LYNX, order=3).fit(method)
    assert result.ar == pytest.approx(ar, rel=1e-11)
    # The standard errors of R use its variance with the factor n / (n - p - 1) too.
    by = np.sqrt(110 / 114) if method == "yule-walker" else 1
    assert result.bse == pytest.approx(np.multiply(bse, by), rel=1e-11)
    assert result.mean == pytest.approx(mean, rel=1e-11)
    assert result.sigma2 == pytest.approx(variance, rel=1e-11)


def test_forecasts_equal_those_of_r():
    # predict(ar(lynx, FALSE, 3, method = "burg"), n.ahead = 4)
    result = AR(LYNX, order=3).fit("burg")
    mean = [3002.61848257789, 2103.67528634733, 1290.15994618272, 893.56135208821]
    se = [876.104662825348, 1325.3534351442, 1465.48169053886, 1470.03232391481]
    assert result.forecast(4) == pytest.approx(mean, rel=1e-11)
    assert result.forecast_se(4) == pytest.approx(se, rel=1e-11)


def test_the_same_as_statsmodels(statsmodels, rng):
    from statsmodels.regression.linear_model import burg, yule_walker
    from statsmodels.tsa.ar_model import AutoReg

    for y in (LYNX, simulate(rng, np.array([0.5, 0.3]), 150, mean=1e4)):
        for p in (1, 2, 7):
            by_walker = AR(y, order=p).fit("yule-walker")
            rho, sigma = yule_walker(y, order=p, method="mle", result_object=False)
            assert by_walker.ar == pytest.approx(rho, rel=1e-9)
            assert by_walker.sigma2 == pytest.approx(sigma**2, rel=1e-9)
            by_burg = AR(y, order=p).fit("burg")
            rho, _ = burg(y, order=p, demean=True)
            assert by_burg.ar == pytest.approx(rho, rel=1e-9)
            by_squares = AR(y, order=p).fit("least-squares")
            theirs = AutoReg(y, p).fit()
            assert by_squares.ar == pytest.approx(theirs.params[1:], rel=1e-8)
            assert by_squares.sigma2 == pytest.approx(theirs.sigma2, rel=1e-8)
            assert by_squares.resid[p:] == pytest.approx(theirs.resid, rel=1e-5, abs=1e-7)
            assert by_squares.forecast(9) == pytest.approx(theirs.forecast(9), rel=1e-8)


@each_method
def test_the_true_order_is_found(method, rng):
    phi = np.array([0.4, 0.0, -0.5])
    found = [AR(simulate(rng, phi, 600)).fit(method).order for _ in range(40)]
    assert min(found) == 3
    assert np.mean(np.array(found) == 3) > 0.6


@each_method
def test_the_truth_is_in_the_confidence_interval(method, rng):
    phi = np.array([0.7, -0.4])
    results = [AR(simulate(rng, phi, 800), order=2).fit(method) for _ in range(200)]
    inside = [np.abs(result.ar - phi) < 1.96 * result.bse for result in results]
    assert 0.92 < np.mean(inside) < 0.98


@each_method
def test_the_chosen_order_has_the_lowest_aicc(method):
    result = AR(LYNX, max_order=12).fit(method)
    assert result.aicc.shape == (13,)
    assert np.argmin(result.aicc) == result.order == result.ar.size
    assert result.method == method
    fixed = AR(LYNX, order=result.order).fit(method)
    np.testing.assert_array_equal(result.ar, fixed.ar)
    assert np.isnan(fixed.aicc).all()


def test_aicc_counts_the_mean_and_the_variance():
    result = AR(LYNX, max_order=2).fit("burg")
    variance = AR(LYNX, order=2).fit("burg").sigma2
    assert result.aicc[2] == pytest.approx(114 * np.log(variance) + 8 + 40 / 109)


@each_method
@given(shift=st.floats(-1e3, 1e3), scale=st.floats(1e-2, 1e2), seed=st.integers(0, 99))
def test_estimates_are_equivariant_to_scale_and_shift(method, shift, scale, seed):
    y = simulate(random_stream(seed, "ar"), np.array([0.6]), 60)
    one = AR(y, order=2).fit(method)
    other = AR(shift + scale * y, order=2).fit(method)
    np.testing.assert_allclose(other.ar, one.ar, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(other.sigma2, scale**2 * one.sigma2, rtol=1e-6)
    forecast = shift + scale * one.forecast(3)
    np.testing.assert_allclose(other.forecast(3), forecast, rtol=1e-6, atol=1e-6 * scale)


def test_yule_walker_and_burg_are_stationary_even_for_explosive_data():
    y = 1.1 ** np.arange(60)
    for method in ("yule-walker", "burg"):
        ar = AR(y, order=4).fit(method).ar
        assert np.abs(np.roots(np.append(1, -ar))).max() < 1


@each_method
def test_order_0_has_only_the_mean(method):
    result = AR(LYNX, order=0).fit(method)
    assert result.ar.shape == result.bse.shape == (0,)
    assert result.forecast(3) == pytest.approx([LYNX.mean()] * 3)
    assert result.forecast_se(2) == pytest.approx([LYNX.std()] * 2)
    assert result.sigma2 == pytest.approx(np.mean(result.resid**2))


def test_residuals_of_the_first_observations_are_nan():
    result = AR(LYNX, order=2).fit("least-squares")
    assert np.isnan(result.resid).nonzero()[0].tolist() == [0, 1]
    assert np.mean(result.resid[2:] ** 2) == pytest.approx(result.sigma2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AR([2.0] * 9), "endog is constant"),
        (lambda: AR([1.0, np.nan, 2.0, 4.0]), r"endog\[1\] is missing"),
        (lambda: AR([1.0, 2.0]), "at least 3"),
        (lambda: AR(LYNX, order=-1), "order=-1 for 114 observations; choose from 0 to 55"),
        (lambda: AR(LYNX, max_order=99), "max_order=99 for 114"),
        (lambda: AR(LYNX).fit("burgh"), "method='burgh'; did you mean 'burg'.*least-squares"),
        (lambda: AR(LYNX).fit().forecast(0), "steps=0 must be an integer of at least 1"),
        (lambda: AR(2.0 ** np.arange(20), order=2).fit("least-squares"), "exact function"),
        (lambda: AR(np.arange(20.0), order=1).fit("least-squares"), "exact function"),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(UserError, match=message):
        call()
