import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.timeseries.likelihood.partial_autocorrelations import (
    coefficients_backward,
    coefficients_forward,
    coefficients_inverse,
    is_stationary,
)


@given(z=st.lists(st.floats(-2, 2), min_size=0, max_size=6))
def test_any_numbers_give_a_stationary_autoregression_and_are_recovered(z):
    z = np.array(z, dtype=np.float64)
    phi, _ = coefficients_forward(z)
    assert (np.abs(np.roots([1, *-phi])) < 1 + 1e-9).all()
    assert is_stationary(phi)
    np.testing.assert_allclose(coefficients_inverse(phi), z, atol=1e-6)


def test_order_2_agrees_with_the_textbook():
    """For order 2: phi_2 = r_2 and phi_1 = r_1 (1 - r_2)."""
    z = np.arctanh([0.5, -0.4])
    np.testing.assert_allclose(coefficients_forward(z)[0], [0.5 * 1.4, -0.4])


@pytest.mark.parametrize("p", range(7))
def test_the_backward_pass_agrees_with_the_complex_step(p, rng):
    z, dphi = rng.normal(size=p), rng.normal(size=p)
    dz = coefficients_backward(dphi, coefficients_forward(z)[1])
    for i in range(p):
        moved = coefficients_forward(z + 1e-30j * np.eye(p)[i])[0]
        assert dz[i] == pytest.approx(dphi @ moved.imag / 1e-30, rel=1e-12)


@given(seed=st.integers(0, 10**6), p=st.integers(1, 5), size=st.floats(0.1, 2))
def test_is_stationary_agrees_with_the_roots(seed, p, size):
    phi = size * np.random.default_rng(seed).normal(size=p)
    largest = np.abs(np.roots([1, *-phi])).max()
    if abs(largest - 1) > 1e-6:
        assert is_stationary(phi) == (largest < 1)


@pytest.mark.parametrize("phi", [[1.0], [-1.0], [0.5, 0.5], [2.0, -1.0], [np.nan], [0.0, 1.0]])
def test_the_boundary_is_not_stationary(phi):
    assert not is_stationary(np.array(phi))
