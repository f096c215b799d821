"""Filling in missing values gives exactly the likelihood and the score of the Kalman filter."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.timeseries.likelihood import innovations
from scratchgpt.timeseries.likelihood.fill import fill, fill_backward, fill_forward
from scratchgpt.timeseries.likelihood.likelihood import (
    log_likelihood_backward,
    log_likelihood_forward,
)
from scratchgpt.timeseries.likelihood.partial_autocorrelations import coefficients_forward
from scratchgpt.timeseries.orders import Orders

DIFFERENCES = [(0, 0, 1), (1, 0, 1), (1, 1, 4), (0, 2, 3)]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("differences", DIFFERENCES)
def test_the_likelihood_and_score_equal_those_of_the_filter(
    differences, compiled, rng, monkeypatch, assert_close
):
    d, D, s = differences
    orders = Orders(2, d, 1, 1, D, 1, max(s, 2))
    y = 1e3 + rng.normal(size=50).cumsum()
    y[[1, 20, 21, 35, 49]] = np.nan
    params = np.array([0.4, 0.5, -0.3, 0.6, 0.3, -0.5, 1.7])
    found = []
    with kernels.disabled(np.float32 if compiled else np.float64):
        for is_filled in (True, False):
            monkeypatch.setattr(innovations, "is_filled", lambda *_, result=is_filled: result)
            llf, saved = log_likelihood_forward(params, y, rng.normal(size=(50, 1)) * 0 + 1, orders)
            found.append((llf, log_likelihood_backward(1.0, saved)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-11)
    assert_close(found[0][1][1:], found[1][1][1:], 1e-8)


def test_the_backward_pass_agrees_with_the_complex_step(rng):
    y = rng.normal(size=14)
    y[[2, 3, 9]] = np.nan
    w, columns = fill(y, 1, 0, 1)
    phi, _ = coefficients_forward(rng.uniform(-1, 1, size=2))
    inputs = [w, phi, rng.uniform(-0.5, 0.5, size=2)]
    gradients = fill_backward(0.3, 0.7, fill_forward(w, columns, *inputs[1:])[1])
    for at, gradient in enumerate(gradients):
        for i in range(len(gradient)):
            moved = [x.astype(complex) for x in inputs]
            moved[at][i] += 1e-30j
            (squares, logs), _ = fill_forward(moved[0], columns, *moved[1:])
            slope = (0.3 * squares + 0.7 * logs).imag / 1e-30
            assert gradient[i] == pytest.approx(slope, rel=1e-9, abs=1e-12)


def test_a_long_season_with_few_missing_values_is_filled():
    observed = np.ones(500, dtype=bool)
    assert not innovations.is_filled(observed, 168, 0, 0, 1, 168)
    observed[200] = False
    assert innovations.is_filled(observed, 168, 0, 0, 1, 168)
    assert not innovations.is_filled(observed, 2, 2, 1, 0, 1)
    observed[::168] = False  # one hour of the week was never observed
    observed[201:] = True
    assert innovations.is_filled(observed, 169, 169, 0, 1, 168)
    observed[::168] = False
    assert not innovations.is_filled(observed, 169, 169, 0, 1, 168)
