"""Accuracies when seen and unseen classes compete: S, U, H, calibrated stacking, and AUSUC."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array


class Generalized(NamedTuple):
    """Accuracies among all classes.

    Attributes
    ----------
    seen, unseen : float
        Mean accuracy per class, of examples of the seen and of the unseen classes: S and U.
    harmonic : float
        The harmonic mean H of the two.
    """

    seen: float
    unseen: float
    harmonic: float


class Margins(NamedTuple):
    """What calibrated stacking needs of each of N examples.

    Attributes
    ----------
    margin : array (N,)
        Highest score of a seen class minus highest score of an unseen class.
    is_seen : bool array (N,)
        Whether the class of the example is a seen one.
    share : array (N,)
        What the example adds to S or U if its side wins: 0 if the best class on that side is
        wrong, otherwise the reciprocal of the examples of its class and of the classes of its side.
    """

    margin: Array
    is_seen: Array
    share: Array


def class_accuracy(y: Any, predicted: Any) -> float:
    """Return the mean over the classes in y of the share of their examples that is right."""
    y = np.asarray(y)
    right = y == np.asarray(predicted)
    return float(np.mean([right[y == k].mean() for k in np.unique(y)])) if y.size else 0.0


def harmonic_mean(seen: Any, unseen: Any) -> Any:
    """Return H = 2 S U / (S + U), which is 0 if both are 0."""
    total = seen + unseen
    return np.divide(2 * seen * unseen, total, out=np.zeros_like(total), where=total > 0)


def margins(scores: Array, y: Array, is_seen_class: Array) -> Margins:
    """Compare the best seen with the best unseen class of each example.

    Parameters
    ----------
    scores : array (N, K)
    y : integer array (N,)
    is_seen_class : bool array (K,)
    """
    best = {}
    for side in (True, False):
        classes = np.flatnonzero(is_seen_class == side)
        place = scores[:, classes].argmax(axis=1)
        best[side] = classes[place], scores[np.arange(len(y)), classes[place]]
    is_seen = is_seen_class[y]
    right = np.where(is_seen, best[True][0], best[False][0]) == y
    classes, which, counts = np.unique(y, return_inverse=True, return_counts=True)
    n_seen = int(is_seen_class[classes].sum())
    n_side = np.where(is_seen, max(n_seen, 1), max(len(classes) - n_seen, 1))
    return Margins(best[True][1] - best[False][1], is_seen, right / (counts[which] * n_side))


def stacked(found: Margins, c: Any) -> tuple[Array, Array]:
    """Return S and U when c is subtracted from the scores of the seen classes.

    This is calibrated stacking (Chao et al. 2016). ``c`` is an array, and so are S and U.
    """
    c = np.asarray(c, dtype=np.float64)
    results = []
    for side in (True, False):
        order = np.argsort(found.margin[found.is_seen == side], kind="stable")
        margin = found.margin[found.is_seen == side][order]
        total = np.concatenate([[0.0], np.cumsum(found.share[found.is_seen == side][order])])
        below = total[np.searchsorted(margin, c, side="right")]  # those with margin <= c
        results.append(total[-1] - below if side else below)
    return results[0], results[1]


def generalized(found: Margins, c: float = 0.0) -> Generalized:
    """Return S, U and H for one constant c of calibrated stacking."""
    seen, unseen = stacked(found, [c])
    return Generalized(float(seen[0]), float(unseen[0]), float(harmonic_mean(seen, unseen)[0]))


def ausuc(found: Margins) -> float:
    """Return the area under the curve of S against U over all constants c (Chao et al. 2016)."""
    c = np.concatenate([[-np.inf], np.unique(found.margin), [np.inf]])
    seen, unseen = stacked(found, c)
    return float(np.trapezoid(seen, unseen))


def best_stacking(folds: Sequence[Margins]) -> float:
    """Return the constant c with the highest H, averaged over folds.

    If several constants share it, return the middle one.
    """
    points = np.unique(np.concatenate([fold.margin for fold in folds]))
    between = (points[1:] + points[:-1]) / 2
    candidates = np.concatenate([points[:1] - 1.0, between, points[-1:] + 1.0])
    mean = np.mean([harmonic_mean(*stacked(fold, candidates)) for fold in folds], axis=0)
    best = np.flatnonzero(mean >= mean.max() - 1e-12)
    return float(candidates[best[len(best) // 2]])
