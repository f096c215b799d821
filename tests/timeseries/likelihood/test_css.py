import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.timeseries.likelihood.css import css_backward, css_forward

SIZES = [(0, 0), (2, 0), (0, 3), (3, 2), (1, 5)]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("p", "q"), SIZES)
def test_the_recursion(p, q, compiled, rng):
    w, phi, theta = rng.normal(size=20), rng.uniform(-1, 1, size=p), rng.uniform(-1, 1, size=q)
    with kernels.disabled(np.float32 if compiled else np.float64):
        e, _ = css_forward(w, phi, theta)
    assert len(e) == 20 - p
    padded = np.concatenate([np.zeros(q), e])
    for t in range(20 - p):
        mean = sum(phi[i] * w[p + t - 1 - i] for i in range(p))
        mean += sum(theta[j] * padded[q + t - 1 - j] for j in range(q))
        assert e[t] == pytest.approx(w[p + t] - mean, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("p", "q"), SIZES)
def test_the_backward_pass_agrees_with_the_complex_step(p, q, compiled, rng, assert_close):
    inputs = rng.normal(size=12), rng.uniform(-1, 1, size=p), rng.uniform(-1, 1, size=q)
    de = rng.normal(size=12 - p)
    with kernels.disabled(np.float32 if compiled else np.float64):
        gradients = css_backward(de, css_forward(*inputs)[1])
    for which, gradient in enumerate(gradients):
        slopes = np.empty(len(gradient))
        for i in range(len(gradient)):
            moved = [x.astype(complex) for x in inputs]
            moved[which][i] += 1e-30j
            slopes[i] = de @ css_forward(*moved)[0].imag / 1e-30
        assert_close(gradient, slopes, 1e-10)


def test_lags_with_coefficient_0_have_a_gradient(rng, assert_close):
    """The forward kernel skips these lags."""
    w, phi, theta = rng.normal(size=40), np.zeros(4), np.zeros(5)
    phi[3], theta[[0, 4]] = 0.5, 0.3
    de = rng.normal(size=36)
    compiled = css_backward(de, css_forward(w, phi, theta)[1])
    with kernels.disabled():
        expected = css_backward(de, css_forward(w, phi, theta)[1])
    for gradient, other in zip(compiled, expected, strict=True):
        assert_close(gradient, other, 1e-12)
    assert np.abs(compiled[1]).min() > 1e-6
