"""Measures among seen and unseen classes, compared with their definitions."""

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.zero_shot.attributes.generalized import (
    ausuc,
    best_stacking,
    class_accuracy,
    generalized,
    harmonic_mean,
    margins,
)

RNG = random_stream(0, "generalized")
IS_SEEN = np.array([True, False, True, False, True])
Y = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 4, 4])
SCORES = RNG.standard_normal((12, 5)) + 1.5 * (Y[:, None] == np.arange(5))


def by_definition(c):
    predicted = (SCORES - c * IS_SEEN).argmax(axis=1)
    return [
        np.mean([(predicted[k == Y] == k).mean() for k in np.flatnonzero(side == IS_SEEN)])
        for side in (True, False)
    ]


@pytest.mark.parametrize("c", [-5.0, -0.3, 0.0, 0.4, 1.1, 9.0])
def test_accuracies_are_those_of_the_predictions(c):
    seen, unseen = by_definition(c)
    found = generalized(margins(SCORES, Y, IS_SEEN), c)
    assert found == pytest.approx((seen, unseen, float(harmonic_mean(seen, unseen))))


def test_accuracy_is_averaged_over_classes():
    assert class_accuracy([0, 0, 0, 1], [0, 0, 0, 0]) == 0.5


def test_the_harmonic_mean_of_zeros_is_zero():
    assert harmonic_mean(np.array([0.0, 0.5]), np.array([0.0, 0.25])) == pytest.approx([0, 1 / 3])


def test_the_best_constant_has_the_highest_h():
    found = margins(SCORES, Y, IS_SEEN)
    best = generalized(found, best_stacking([found])).harmonic
    assert best == max(generalized(found, c).harmonic for c in np.linspace(-6, 6, 2001))


def test_the_area_is_that_below_the_curve():
    found = margins(SCORES, Y, IS_SEEN)
    points = np.array([by_definition(c) for c in np.linspace(-8, 8, 4001)])
    assert ausuc(found) == pytest.approx(np.trapezoid(points[:, 0], points[:, 1]), abs=1e-12)


def test_perfect_scores_have_an_area_of_one():
    assert ausuc(margins(10.0 * np.eye(5), np.arange(5), IS_SEEN)) == pytest.approx(1.0)
