"""The Kalman filter, compared with its definition, with statsmodels and with its kernels."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.timeseries.likelihood.autocovariance import autocovariance_forward
from scratchgpt.timeseries.likelihood.diffuse import MISSING, ORDINARY
from scratchgpt.timeseries.likelihood.kalman import kalman_backward, kalman_forward
from scratchgpt.timeseries.likelihood.partial_autocorrelations import coefficients_forward

N = 40
SIZES = [(0, 0), (1, 0), (0, 1), (2, 1), (1, 3), (5, 2)]
DIFFERENCES = [(0, 0, 1), (1, 0, 1), (2, 0, 1), (0, 1, 4), (1, 1, 4), (2, 1, 3)]
MISSING_AT = {
    "none": [],
    "at the start": [0, 1, 2],
    "in the diffuse phase": [1, 3, 4],
    "apart": [9, 13, 20, 21],
    "a long gap": range(12, 30),
    "at the end": [38, 39],
    "every other": range(1, N, 2),
    "all of a season": range(2, N, 4),
}


def problem(rng, p, q, missing=(), n=N):
    phi = coefficients_forward(rng.uniform(-1, 1, size=p))[0]
    y = rng.normal(size=n).cumsum()
    y[list(missing)] = np.nan
    return y, phi, rng.uniform(-1, 1, size=q)


@pytest.mark.parametrize("missing", MISSING_AT.values(), ids=MISSING_AT)
@pytest.mark.parametrize("differences", DIFFERENCES, ids=str)
def test_kernel_and_reference_agree(differences, missing, rng, assert_close):
    pytest.importorskip("numba")
    for p, q in SIZES:
        inputs = problem(rng, p, q, missing)
        dv, dF = rng.normal(size=(2, N))
        (v, F), saved = kalman_forward(*inputs, *differences)
        gradients = kalman_backward(dv, dF, saved)
        with kernels.disabled():
            (expected_v, expected_F), reference = kalman_forward(*inputs, *differences)
            expected = kalman_backward(dv, dF, reference)
        there = reference.steps.kinds == ORDINARY
        np.testing.assert_array_equal(np.isnan(F), ~there)
        assert_close(v, expected_v, 1e-10)
        assert_close(F[there], expected_F[there], 1e-10)
        for gradient, other in zip(gradients, expected, strict=True):
            assert_close(gradient, other, 1e-10, f"{p=} {q=}")
        settled = reference.steps.settled
        np.testing.assert_array_equal(np.isnan(saved.mean), ~settled)
        np.testing.assert_array_equal(np.isinf(saved.variance), ~settled)
        for name in ("seen", "column", "head", "state", "covariance"):
            assert_close(getattr(saved, name), getattr(reference, name), 1e-10, name)
        assert_close(saved.mean[settled], reference.mean[settled], 1e-10)
        assert_close(saved.variance[settled], reference.variance[settled], 1e-10)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("missing", MISSING_AT.values(), ids=MISSING_AT)
@pytest.mark.parametrize("differences", DIFFERENCES, ids=str)
def test_the_backward_pass_agrees_with_the_complex_step(
    differences, missing, compiled, rng, assert_close
):
    n = 16
    missing = [t for t in missing if t < n]
    for p, q in [(0, 0), (2, 1), (1, 3)]:
        inputs = problem(rng, p, q, missing, n)
        dv, dF = rng.normal(size=(2, n))
        with kernels.disabled(*([np.float32] if compiled else [])):
            _, saved = kalman_forward(*inputs, *differences)
            gradients = kalman_backward(dv, dF, saved)
        there = saved.steps.kinds == ORDINARY
        for which, gradient in enumerate(gradients):
            slopes = np.zeros(len(gradient))
            for i in range(len(gradient)):
                if which == 0 and saved.steps.kinds[i] == MISSING:
                    continue
                moved = [x.astype(complex) for x in inputs]
                moved[which][i] += 1e-30j
                (v, F), _ = kalman_forward(*moved, *differences)
                slopes[i] = (dv @ v.imag + dF[there] @ F.imag[there]) / 1e-30
            assert_close(gradient, slopes, 1e-10, f"{p=} {q=} {which=}")


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("p", "q"), SIZES)
def test_the_innovations_equal_their_definition(p, q, compiled, rng):
    """For a stationary series, by the Cholesky factor of the covariance of the observed values."""
    y, phi, theta = problem(rng, p, q, [0, 5, 6, 7, 20])
    observed = np.flatnonzero(~np.isnan(y))
    (gamma, _), _ = autocovariance_forward(np.append(phi, np.zeros(N - 1 - p)), theta)
    factor = np.linalg.cholesky(gamma[abs(observed[:, None] - observed)])
    scale = np.diag(factor)
    with kernels.disabled(*([np.float32] if compiled else [])):
        (v, F), _ = kalman_forward(y, phi, theta)
    expected = scale * np.linalg.solve(factor, y[observed])
    np.testing.assert_allclose(v[observed], expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(F[observed], scale**2, rtol=1e-10)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("missing", MISSING_AT.values(), ids=MISSING_AT)
def test_statsmodels_has_the_same_innovations(missing, compiled, rng, statsmodels):
    for (p, q), (d, D, s) in zip(SIZES, DIFFERENCES, strict=True):
        y, phi, theta = problem(rng, p, q, missing)
        seasonal = (0, D, 0, s) if D else (0, 0, 0, 0)
        model = statsmodels.tsa.SARIMAX(
            y, order=(p, d, q), seasonal_order=seasonal, use_exact_diffuse=True
        )
        peer = model.filter([*phi, *theta, 1.0])
        with kernels.disabled(*([np.float32] if compiled else [])):
            (v, F), saved = kalman_forward(y, phi, theta, d, D, s)
        there = saved.steps.kinds == ORDINARY
        np.testing.assert_allclose(
            v[there],
            peer.forecasts_error[0, there],
            rtol=1e-8,
            atol=1e-8,
            err_msg=f"{p} {q} {d} {D}",
        )
        np.testing.assert_allclose(F[there], peer.forecasts_error_cov[0, 0, there], rtol=1e-8)


def test_rounding_does_not_grow_in_a_long_gap_of_an_integrated_series(rng):
    y, phi, theta = problem(rng, 1, 1, range(10, 1900), n=2000)
    (v, F), _ = kalman_forward(y, phi, theta, 2, 1, 4)
    (_, complete), _ = kalman_forward(np.where(np.isnan(y), 0.0, y), phi, theta, 2, 1, 4)
    assert F[-1] == pytest.approx(complete[-1], rel=1e-9)
    assert np.isfinite(v).all()


def test_the_saved_arrays_are_smaller_than_the_covariances(rng):
    y, phi, theta = problem(rng, 1, 1, [100], n=400)
    _, saved = kalman_forward(y, phi, theta, 1, 1, 60)
    m = len(saved.state)
    size = sum(x.nbytes for x in saved if isinstance(x, np.ndarray))
    assert size < 8 * (3 * 400 * m + 2 * m * m)
