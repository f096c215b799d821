"""The linear model of Bradley and Terry minimizes its loss, and its gradient is proven."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.evaluation import BradleyTerry
from scratchgpt.evaluation.bradley_terry import (
    bradley_terry_loss_backward,
    bradley_terry_loss_forward,
)


def loss_of(w: np.ndarray, difference: np.ndarray, of_pair: np.ndarray, penalty: float) -> float:
    """The loss as its formula says it."""
    p = 1 / (1 + np.exp(-difference @ w))
    return float(-(of_pair * np.log(p)).sum() + penalty / 2 * (w**2).sum())


def test_the_gradient_is_that_of_finite_differences(rng, assert_close):
    difference, w = rng.standard_normal((7, 4)), rng.standard_normal(4)
    of_pair, penalty = rng.uniform(0.5, 2, 7), 0.7
    loss, saved = bradley_terry_loss_forward(difference, w, of_pair, penalty)
    assert_close(loss, loss_of(w, difference, of_pair, penalty), 1e-14)
    step = 1e-5 * np.eye(4)
    slopes = [
        (
            loss_of(w + h, difference, of_pair, penalty)
            - loss_of(w - h, difference, of_pair, penalty)
        )
        / 2e-5
        for h in step
    ]
    assert_close(bradley_terry_loss_backward(1.5, saved), 1.5 * np.array(slopes), 1e-8)


def test_large_margins_do_not_overflow():
    with np.errstate(all="raise", under="ignore"):
        loss, saved = bradley_terry_loss_forward(
            np.array([[1e4], [-1e4]]), np.ones(1), np.ones(2), 1.0
        )
        assert loss == 1e4 + 0.5
        assert bradley_terry_loss_backward(1.0, saved) == pytest.approx([1e4 + 1])


def test_one_feature_has_the_weight_of_the_equation(assert_close):
    model = BradleyTerry([["good"], []], [(0, 1)] * 3, [1.0, 1.0, 0.5], penalty=2.0)
    [w] = model.weight
    assert_close(2.0 * w, 2.5 / (1 + np.exp(w)), 1e-6)  # the gradient vanishes
    assert_close(model.scores([["good", "good"], ["new"], []]), [2 * w, 0, 0], 1e-6)


def test_words_and_pairs_of_words_decide():
    texts = [["not", "bad"], ["bad"], ["good"], ["not", "good"]]
    model = BradleyTerry(texts, [(0, 1), (2, 3), (0, 3), (2, 1)], penalty=0.1)
    not_bad, bad, good, not_good = model.scores(texts)
    assert min(not_bad, good) > max(bad, not_good)


def test_errors():
    with pytest.raises(UserError, match="no preferences"):
        BradleyTerry([["a"]], [])
    for penalty in (0, -1, float("nan"), "1"):
        with pytest.raises(UserError, match="penalty"):
            BradleyTerry([["a"], ["b"]], [(0, 1)], penalty=penalty)  # type: ignore[arg-type]
