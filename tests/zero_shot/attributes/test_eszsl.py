"""The closed form of ESZSL is the minimum of its loss."""

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.verify import check_vjp
from scratchgpt.zero_shot import ESZSL
from scratchgpt.zero_shot.attributes.eszsl import eszsl_loss_backward, eszsl_loss_forward

RNG = random_stream(0, "eszsl")
X, S = RNG.standard_normal((9, 4)), RNG.standard_normal((5, 3))
Y = np.array([0, 1, 2, 3, 4, 4, 2, 0, 1])
SIGNS = np.where(Y[:, None] == np.arange(5), 1.0, -1.0)
GAMMA, LAM = 0.6, 0.4


def forward(v):
    return eszsl_loss_forward(v, X, SIGNS, S, GAMMA, LAM)


def test_the_gradient_is_exact():
    v = RNG.standard_normal((4, 3))
    check_vjp(forward, eszsl_loss_backward, {"v": v}).raise_if_failed()


def test_gradient_descent_ends_at_the_closed_form():
    closed = ESZSL(gamma=GAMMA, lam=LAM).fit(X, Y, S).v
    curvature = 2 * (np.linalg.norm(X, 2) ** 2 + GAMMA) * (np.linalg.norm(S, 2) ** 2 + LAM)
    v = np.zeros((4, 3))
    for _ in range(4000):
        v = v - eszsl_loss_backward(1.0, forward(v)[1]) / curvature
    np.testing.assert_allclose(v, closed, atol=1e-6)
    np.testing.assert_allclose(eszsl_loss_backward(1.0, forward(closed)[1]), 0, atol=1e-12)


def test_the_formula_is_that_of_the_paper():
    """Romera-Paredes and Torr (2015), equation 6, with examples and classes in columns."""
    x, s, signs = X.T, S.T, SIGNS
    left = np.linalg.inv(x @ x.T + GAMMA * np.eye(4))
    right = np.linalg.inv(s @ s.T + LAM * np.eye(3))
    expected = left @ x @ signs @ s.T @ right
    np.testing.assert_allclose(ESZSL(gamma=GAMMA, lam=LAM).fit(X, Y, S).v, expected, rtol=1e-10)


def test_the_candidates_of_a_grid_are_the_models_of_single_fits():
    model = ESZSL()
    grid = model.grid()
    assert len(grid) == 49
    matrices = model.fit_grid(X, Y, S, grid)
    for i in (0, 8, 48):
        single = ESZSL(**grid[i]).fit(X, Y, S)
        np.testing.assert_allclose(matrices[i], single.v, rtol=1e-10)


def test_continuous_attributes_of_new_classes_are_recognized(task):
    rng = random_stream(0, "continuous")
    s = task.s + 0.1 * rng.standard_normal(task.s.shape)
    model = ESZSL().fit(task.x, task.y, s[task.is_seen])
    of_unseen = ~task.is_seen[task.y_test]
    truth = task.y_test[of_unseen] - task.is_seen.sum()
    predicted = model.predict(task.x_test[of_unseen], s[~task.is_seen])
    assert (predicted == truth).mean() > 0.8
    assert set(model.constants) == {"gamma", "lam"}
    assert model.constants["gamma"] in [10.0**k for k in range(-3, 4)]


@pytest.mark.parametrize("value", [0, -1.0, float("inf")])
def test_constants_must_be_positive(value):
    with pytest.raises(ValueError, match=r"gamma=.* must be above 0 and finite"):
        ESZSL(gamma=value)
