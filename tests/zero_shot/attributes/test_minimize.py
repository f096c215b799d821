"""The minimum that the optimizer finds is that of scipy, and its warning is given if it fails."""

import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from scratchgpt.backend import random_stream
from scratchgpt.zero_shot.attributes import minimize as module
from scratchgpt.zero_shot.attributes.logistic import logistic_loss_backward, logistic_loss_forward
from scratchgpt.zero_shot.attributes.minimize import Gram, minimize

RNG = random_stream(0, "minimize")
X = RNG.standard_normal((40, 5))
TARGETS = np.array(X[:, :2] + RNG.standard_normal((40, 2)) > 0, dtype=np.float64)


def loss(p, penalty=0.3):
    value, saved = logistic_loss_forward(p[:-1], p[-1], X, TARGETS, penalty)
    return float(value), np.vstack(logistic_loss_backward(1.0, saved))


def test_the_minimum_is_that_of_scipy():
    def flat(p):
        value, gradient = loss(p.reshape(6, 2))
        return value, gradient.ravel()

    options = {"ftol": 1e-15, "gtol": 1e-10}
    theirs = scipy_minimize(flat, np.zeros(12), jac=True, method="L-BFGS-B", options=options)
    ours = minimize(loss, np.zeros((6, 2)), Gram.of(X).bound_inverse(0.25, 0.3), 1e-10)
    np.testing.assert_allclose(ours.ravel(), theirs.x, rtol=1e-6, atol=1e-8)


def test_a_step_with_the_bound_alone_never_increases_the_loss():
    inverse = Gram.of(X).bound_inverse(0.25, 0.3)
    p = 3.0 * RNG.standard_normal((6, 2))
    for _ in range(5):
        value, gradient = loss(p)
        p = p - inverse @ gradient
        assert loss(p)[0] < value


def test_no_convergence_is_a_warning(monkeypatch):
    monkeypatch.setattr(module, "MAX_ITERATIONS", 1)
    with pytest.warns(UserWarning, match="did not converge in 1 iterations; a larger penalty"):
        minimize(loss, np.ones((6, 2)), Gram.of(X).bound_inverse(0.25, 0.3))
