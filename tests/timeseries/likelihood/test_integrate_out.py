import numpy as np
import pytest

from scratchgpt.timeseries.likelihood.integrate_out import (
    integrate_out_backward,
    integrate_out_forward,
)


def test_the_result_is_a_regression_and_a_determinant(rng):
    u, columns = rng.normal(size=9), rng.normal(size=(9, 3)) * [1e-4, 1.0, 1e6]
    (squares, logs), saved = integrate_out_forward(u, columns)
    expected, residual, *_ = np.linalg.lstsq(columns, -u)
    assert squares == pytest.approx(residual[0])
    assert logs == pytest.approx(2 * np.linalg.slogdet(np.linalg.qr(columns).R)[1])
    np.testing.assert_allclose(saved.unknown, expected)


@pytest.mark.parametrize("m", [0, 1, 3])
def test_the_backward_pass_agrees_with_the_complex_step(m, rng):
    u, columns = rng.normal(size=7), rng.normal(size=(7, m))
    du, dcolumns = integrate_out_backward(0.3, 0.7, integrate_out_forward(u, columns)[1])
    for gradient, at in ((du, 0), (dcolumns, 1)):
        for index in np.ndindex(gradient.shape):
            moved = [u.astype(complex), columns.astype(complex)]
            moved[at][index] += 1e-30j
            (squares, logs), _ = integrate_out_forward(*moved)
            slope = (0.3 * squares + 0.7 * logs).imag / 1e-30
            assert gradient[index] == pytest.approx(slope, rel=1e-11)


def test_dependent_columns_have_no_result(rng):
    (squares, logs), _ = integrate_out_forward(rng.normal(size=5), np.zeros((5, 2)))
    assert np.isnan(squares)
    assert np.isnan(logs)
