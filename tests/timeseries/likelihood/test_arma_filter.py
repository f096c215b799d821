import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.timeseries.likelihood.arma_filter import arma_filter_backward, arma_filter_forward
from scratchgpt.timeseries.likelihood.autocovariance import autocovariance_forward
from scratchgpt.timeseries.likelihood.partial_autocorrelations import coefficients_forward

SIZES = [(0, 0), (1, 0), (0, 1), (2, 1), (1, 3), (5, 2), (2, 7)]


def problem(rng, p, q, n=30):
    phi = coefficients_forward(rng.uniform(-1, 1, size=p))[0]
    return rng.normal(size=n), phi, rng.uniform(-1, 1, size=q)


def toeplitz_innovations(w, phi, theta):
    """Compute the innovations from the Cholesky factor of the covariance of the whole series."""
    n = len(w)
    (gamma, _), _ = autocovariance_forward(np.append(phi, np.zeros(n - 1 - len(phi))), theta)
    lags = np.abs(np.arange(n)[:, None] - np.arange(n))
    factor = np.linalg.cholesky(gamma[lags])
    scale = np.diag(factor)
    return scale * np.linalg.solve(factor, w), scale**2


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("p", "q"), SIZES)
def test_the_innovations_equal_their_definition(p, q, compiled, rng):
    w, phi, theta = problem(rng, p, q)
    with kernels.disabled(np.float32 if compiled else np.float64):
        (v, F), _ = arma_filter_forward(w, phi, theta)
    expected_v, expected_F = toeplitz_innovations(w, phi, theta)
    np.testing.assert_allclose(v, expected_v, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(F, expected_F, rtol=1e-10)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("p", "q"), SIZES)
def test_the_backward_pass_agrees_with_the_complex_step(p, q, compiled, rng, assert_close):
    inputs = problem(rng, p, q, n=12)
    dv, dF = rng.normal(size=(2, 12))
    with kernels.disabled(np.float32 if compiled else np.float64):
        gradients = arma_filter_backward(dv, dF, arma_filter_forward(*inputs)[1])
    for which, gradient in enumerate(gradients):
        slopes = np.empty(len(gradient))
        for i in range(len(gradient)):
            moved = [x.astype(complex) for x in inputs]
            moved[which][i] += 1e-30j
            (v, F), _ = arma_filter_forward(*moved)
            slopes[i] = (dv @ v.imag + dF @ F.imag) / 1e-30
        assert_close(gradient, slopes, 1e-10)


def test_kernel_and_reference_agree_after_the_gain_becomes_constant(rng, assert_close):
    pytest.importorskip("numba")
    w, phi, theta = problem(rng, 3, 2, n=3000)
    theta = -coefficients_forward(rng.uniform(-1, 1, size=2))[0]
    dv, dF = rng.normal(size=(2, 3000))
    (v, F), saved = arma_filter_forward(w, phi, theta)
    assert saved.n_varying < 500
    with kernels.disabled():
        (expected_v, expected_F), reference = arma_filter_forward(w, phi, theta)
        expected = arma_filter_backward(dv, dF, reference)
    assert_close(v, expected_v, 1e-12)
    assert_close(F, expected_F, 1e-14)
    for gradient, other in zip(arma_filter_backward(dv, dF, saved), expected, strict=True):
        assert_close(gradient, other, 1e-11)
    assert_close(saved.ahead, reference.ahead, 1e-12)


def test_innovations_of_an_autoregression_have_variance_1_after_p_steps(rng):
    _, saved = arma_filter_forward(*problem(rng, 3, 0, n=50))
    np.testing.assert_allclose(saved.F[3:], 1, rtol=1e-12)


def test_a_moving_average_on_the_unit_circle_is_exact(rng):
    """For 1 - B, the variances are (t + 1) / t."""
    (_, F), _ = arma_filter_forward(rng.normal(size=200), np.zeros(0), np.array([-1.0]))
    t = np.arange(1, 201)
    np.testing.assert_allclose(F, (t + 1) / t, rtol=1e-10)
