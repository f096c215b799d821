import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.timeseries.likelihood.autocovariance import (
    autocovariance_backward,
    autocovariance_forward,
)
from scratchgpt.timeseries.likelihood.partial_autocorrelations import coefficients_forward

SIZES = [(p, q) for p in (0, 1, 2, 5) for q in (0, 1, 3, 7)]


def arma(rng, p, q):
    return coefficients_forward(rng.uniform(-0.7, 0.7, size=p))[0], rng.normal(size=q)


@pytest.mark.parametrize(("p", "q"), SIZES)
def test_autocovariances_are_sums_of_products_of_the_psi_weights(p, q, rng):
    phi, theta = arma(rng, p, q)
    weights = np.zeros(4000)
    for j in range(len(weights)):
        weights[j] = theta[j - 1] if 0 < j <= q else float(j == 0)
        weights[j] += sum(phi[k] * weights[j - k - 1] for k in range(min(p, j)))
    (gamma, psi), _ = autocovariance_forward(phi, theta)
    expected = [weights[: len(weights) - lag] @ weights[lag:] for lag in range(p + 1)]
    np.testing.assert_allclose(gamma, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(psi, weights[: q + 1], rtol=1e-12, atol=1e-14)


def test_arma_1_1_agrees_with_the_textbook():
    phi, theta = 0.6, 0.3
    (gamma, _), _ = autocovariance_forward(np.array([phi]), np.array([theta]))
    np.testing.assert_allclose(gamma[0], (1 + 2 * phi * theta + theta**2) / (1 - phi**2))
    np.testing.assert_allclose(gamma[1], (1 + phi * theta) * (phi + theta) / (1 - phi**2))


@pytest.mark.parametrize(("p", "q"), SIZES)
def test_the_kernel_computes_the_same(p, q, rng, assert_close):
    inputs = arma(rng, p, q)
    output, _ = autocovariance_forward(*inputs)
    with kernels.disabled():
        expected, _ = autocovariance_forward(*inputs)
    for a, b in zip(output, expected, strict=True):
        assert_close(a, b, 1e-13)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("p", "q"), SIZES)
def test_the_backward_pass_agrees_with_the_complex_step(p, q, compiled, rng):
    inputs = arma(rng, p, q)
    dgamma, dpsi = rng.normal(size=p + 1), rng.normal(size=q + 1)
    with kernels.disabled(np.float32 if compiled else np.float64):
        _, saved = autocovariance_forward(*inputs)
        gradients = autocovariance_backward(dgamma, dpsi, saved)
    for which, gradient in enumerate(gradients):
        for i in range(len(gradient)):
            moved = [x.astype(complex) for x in inputs]
            moved[which][i] += 1e-30j
            (gamma, psi), _ = autocovariance_forward(*moved)
            slope = (dgamma @ gamma.imag + dpsi @ psi.imag) / 1e-30
            assert gradient[i] == pytest.approx(slope, rel=1e-9)
