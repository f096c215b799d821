r"""Scores of predicted labels: accuracy, F1 and the Matthews correlation."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchgpt.errors import UserError


class LabelScores(NamedTuple):
    """How well predicted labels match the right ones.

    Attributes
    ----------
    accuracy : float
        Fraction of right answers.
    f1 : float
        Mean of the F1 of all labels that occur among the right answers or the predictions.
    matthews : float
        The Matthews correlation; 0 if all predictions, or all right answers, are the same label.
    f1_of : dict of str to float
        The F1 of each of these labels.
    """

    accuracy: float
    f1: float
    matthews: float
    f1_of: dict[str, float]


def label_scores(predicted: Sequence[str], right: Sequence[str]) -> LabelScores:
    r"""Score predicted labels.

    The F1 of a label is :math:`2\,n_{both} / (n_{predicted} + n_{right})`, the harmonic mean of
    precision and recall. With the number of right answers c, of all answers s, and how often label
    k is predicted, :math:`p_k`, and right, :math:`t_k`, the Matthews correlation of several labels
    is (Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation
    coefficient")

    .. math:: \frac{c s - \sum_k p_k t_k}
                   {\sqrt{(s^2 - \sum_k p_k^2)(s^2 - \sum_k t_k^2)}}

    Raises
    ------
    UserError
        If there are no labels, or the numbers of labels differ.

    Examples
    --------
    >>> scores = label_scores(["a", "b", "b", "b"], ["a", "a", "b", "b"])
    >>> scores.accuracy, round(scores.f1, 4), round(scores.matthews, 4)
    (0.75, 0.7333, 0.5774)
    """
    if not right or len(predicted) != len(right):
        raise UserError(
            f"there are {len(predicted)} predicted and {len(right)} right labels; give the same "
            "number of both, at least one"
        )
    n_predicted, n_right = Counter(predicted), Counter(right)
    n_both = Counter(p for p, r in zip(predicted, right, strict=True) if p == r)
    labels = sorted(n_predicted | n_right)
    f1_of = {label: 2 * n_both[label] / (n_predicted[label] + n_right[label]) for label in labels}
    n, n_correct = len(right), sum(n_both.values())
    spread = [n * n - sum(k * k for k in counts.values()) for counts in (n_predicted, n_right)]
    chance = sum(n_predicted[label] * n_right[label] for label in labels)
    matthews = (n_correct * n - chance) / (spread[0] * spread[1]) ** 0.5 if all(spread) else 0.0
    return LabelScores(n_correct / n, float(np.mean(list(f1_of.values()))), matthews, f1_of)
