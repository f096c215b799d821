"""The gradients of the linear classifiers are those of their losses."""

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.verify import check_vjp
from scratchgpt.zero_shot.attributes.logistic import (
    logistic_loss_backward,
    logistic_loss_forward,
    sigmoid,
    softmax,
    softmax_loss_backward,
    softmax_loss_forward,
    softplus,
)

RNG = random_stream(0, "logistic")
X = RNG.standard_normal((7, 4))
WEIGHT, BIAS = RNG.standard_normal((4, 3)), RNG.standard_normal(3)


def test_the_gradient_of_logistic_regression_is_exact():
    targets = np.array(RNG.random((7, 3)) < 0.5, dtype=np.float64)

    def forward(weight, bias):
        return logistic_loss_forward(weight, bias, X, targets, penalty=0.7)

    check_vjp(forward, logistic_loss_backward, {"weight": WEIGHT, "bias": BIAS}).raise_if_failed()


def test_the_gradient_of_the_softmax_classifier_is_exact():
    y = np.array([0, 2, 1, 1, 0, 2, 2])

    def forward(weight, bias):
        return softmax_loss_forward(weight, bias, X, y, penalty=0.7)

    check_vjp(forward, softmax_loss_backward, {"weight": WEIGHT, "bias": BIAS}).raise_if_failed()


def test_two_classes_of_a_softmax_are_a_logistic_regression():
    z = np.array([[3.0, 1.0], [-800.0, 900.0]])
    np.testing.assert_allclose(softmax(z)[0][:, 1], sigmoid(z[:, 1] - z[:, 0]), rtol=1e-14)


@pytest.mark.parametrize("z", [-1e4, -3.0, 0.0, 2.0, 1e4])
def test_large_numbers_do_not_overflow(z):
    z = np.array([z])
    assert softplus(z) - softplus(-z) == pytest.approx(z, rel=1e-14)
    assert sigmoid(z) + sigmoid(-z) == pytest.approx(1.0, rel=1e-14)
