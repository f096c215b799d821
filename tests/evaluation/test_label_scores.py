import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.evaluation import label_scores


def test_the_scores_are_those_of_the_definitions(rng):
    right = rng.permutation(list("aaaabbbccd" * 6))
    predicted = np.where(rng.random(60) < 0.6, right, rng.choice(list("abcd"), 60))
    scores = label_scores(predicted.tolist(), right.tolist())
    assert scores.accuracy == np.mean(predicted == right)
    for label, f1 in scores.f1_of.items():
        both = np.sum((predicted == label) & (right == label))
        precision, recall = both / np.sum(predicted == label), both / np.sum(right == label)
        assert f1 == pytest.approx(2 * precision * recall / (precision + recall))
    assert scores.f1 == pytest.approx(np.mean(list(scores.f1_of.values())))


def test_with_two_labels_matthews_is_pearsons_correlation(rng):
    right = rng.integers(0, 2, 50)
    predicted = np.where(rng.random(50) < 0.7, right, 1 - right)
    scores = label_scores([str(p) for p in predicted], [str(r) for r in right])
    assert scores.matthews == pytest.approx(np.corrcoef(predicted, right)[0, 1])


def test_with_several_labels_matthews_is_a_correlation_of_indicators(rng):
    right, predicted = rng.integers(0, 4, (2, 80))
    x, y = (np.eye(4)[labels] - np.eye(4)[labels].mean(0) for labels in (predicted, right))
    expected = (x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())
    scores = label_scores([str(p) for p in predicted], [str(r) for r in right])
    assert scores.matthews == pytest.approx(expected)


def test_the_extremes():
    assert label_scores(["a", "b"], ["a", "b"])[:3] == (1.0, 1.0, 1.0)
    assert label_scores(["b", "a"], ["a", "b"])[:3] == (0.0, 0.0, -1.0)
    constant = label_scores(["a", "a"], ["a", "b"])
    assert constant.matthews == 0.0
    assert constant.f1_of == {"a": pytest.approx(2 / 3), "b": 0.0}
    assert label_scores(["a"], ["a"])[:3] == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(("predicted", "right"), [([], []), (["a"], ["a", "b"])])
def test_labels_that_do_not_match_are_refused(predicted, right):
    with pytest.raises(UserError, match="give the same number of both, at least one"):
        label_scores(predicted, right)
