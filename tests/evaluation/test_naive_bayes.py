"""Naive Bayes equals its formula, computed by hand."""

import math

import pytest

from scratchgpt.errors import UserError
from scratchgpt.evaluation import NaiveBayes

TEXTS = [["a", "b"], ["b", "b", "c"], ["c"]]
LABELS = ["y", "x", "x"]


def test_probabilities_are_those_computed_by_hand(assert_close):
    bayes = NaiveBayes(TEXTS, LABELS)
    # Features: a, b, "a b" for y; b, b, c, "b b", "b c", c for x: six different ones in all.
    log_p = dict(zip(bayes._vocabulary, bayes._log_p, strict=True))
    assert set(log_p) == {"a", "b", "a b", "c", "b b", "b c"}
    assert bayes.labels == ["x", "y"]
    assert_close(log_p["b"], [math.log(3 / 12), math.log(2 / 9)], 1e-14)
    assert_close(log_p["a"], [math.log(1 / 12), math.log(2 / 9)], 1e-14)
    assert_close(bayes._log_prior, [math.log(2 / 3), math.log(1 / 3)], 1e-14)


def test_the_most_probable_label_is_predicted():
    bayes = NaiveBayes(TEXTS, LABELS)
    assert bayes.predict([["a", "b"], ["c", "c"], ["new"], []]) == ["y", "x", "x", "x"]


def test_the_scores_are_joint_log_probabilities():
    bayes = NaiveBayes(TEXTS, LABELS)
    [[x, y]] = bayes.log_scores([["c"]])
    assert x == pytest.approx(math.log(2 / 3) + math.log(3 / 12))
    assert y == pytest.approx(math.log(1 / 3) + math.log(1 / 9))
    assert bayes.log_scores([]).shape == (0, 2)


@pytest.mark.parametrize("labels", [["x"], []])
def test_each_text_needs_a_label(labels):
    with pytest.raises(UserError, match="3 texts and"):
        NaiveBayes(TEXTS, labels)
