import numpy as np
import pytest

from scratchgpt.timeseries.likelihood.polynomials import expand_backward, expand_forward

SIZES = [(2, 1, 1, 2, 4), (0, 0, 0, 0, 1), (3, 0, 0, 1, 12), (0, 2, 2, 0, 3), (5, 5, 1, 1, 4)]


def factors(rng, sizes):
    return [rng.normal(size=size) for size in sizes[:4]]


@pytest.mark.parametrize("sizes", SIZES)
def test_the_coefficients_are_those_of_the_product_of_polynomials(sizes, rng):
    s, (ar, ma, seasonal_ar, seasonal_ma) = sizes[4], factors(rng, sizes)
    (phi, theta), _ = expand_forward(ar, ma, seasonal_ar, seasonal_ma, s)

    def spread(coefficients):
        out = np.zeros(s * len(coefficients) + 1)
        out[0] = 1
        out[s::s] = coefficients
        return out

    np.testing.assert_allclose([1, *-phi], np.convolve([1, *-ar], spread(-seasonal_ar)))
    np.testing.assert_allclose([1, *theta], np.convolve([1, *ma], spread(seasonal_ma)))


@pytest.mark.parametrize("sizes", SIZES)
def test_the_backward_pass_agrees_with_the_complex_step(sizes, rng):
    s, inputs = sizes[4], factors(rng, sizes)
    (phi, theta), saved = expand_forward(*inputs, s)
    dphi, dtheta = rng.normal(size=len(phi)), rng.normal(size=len(theta))
    gradients = expand_backward(dphi, dtheta, saved)
    for which, gradient in enumerate(gradients):
        for i in range(len(inputs[which])):
            moved = [x.astype(complex) for x in inputs]
            moved[which][i] += 1e-30j
            (phi, theta), _ = expand_forward(*moved, s)
            slope = (dphi @ phi.imag + dtheta @ theta.imag) / 1e-30
            assert gradient[i] == pytest.approx(slope, rel=1e-12)
