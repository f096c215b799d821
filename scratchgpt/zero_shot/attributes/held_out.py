"""The choice of constants: classes are held out, and play the part of unseen classes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.errors import UserError, counted
from scratchgpt.zero_shot.attributes.generalized import (
    Margins,
    best_stacking,
    class_accuracy,
    margins,
)

MOST_FOLDS = 4
LEAST_CLASSES = 4  # of which two are held out
KEPT_BACK = 5  # one of so many examples of a class that is not held out tests S


class Fold(NamedTuple):
    """Examples to fit a model to, and examples to test it on.

    Attributes
    ----------
    fitted, tested : integer arrays
        Indices of examples. The tested ones are all examples of the held-out classes, and a fifth
        of the others.
    is_kept : bool array (K,)
        False for held-out classes.
    """

    fitted: Array
    tested: Array
    is_kept: Array


class Outcome(NamedTuple):
    """The test of one candidate on one fold.

    Attributes
    ----------
    accuracy : float
        Mean accuracy per class of the held-out classes, among themselves.
    found : Margins
        Among all classes.
    """

    accuracy: float
    found: Margins


def make_folds(
    y: Array, n_classes: int, seed: int, held_out: Sequence[Any] | None = None
) -> list[Fold]:
    """Split classes at random into folds, each of which is held out once.

    Parameters
    ----------
    y : integer array (N,)
    n_classes : int
    seed : int
    held_out : sequence of integer arrays, optional
        The held-out classes of each fold, instead of random ones.

    Raises
    ------
    UserError
        If there are fewer than four classes, or a given fold holds out too few or too many.
    """
    rng = random_stream(seed, "zero-shot", "held-out classes")
    if held_out is None:
        if n_classes < LEAST_CLASSES:
            raise UserError(
                f"S has {counted(n_classes, 'class')}, too few to choose constants on held-out "
                f"classes, which takes {LEAST_CLASSES}; set the constants"
            )
        n_folds = min(MOST_FOLDS, n_classes // 2)
        held_out = np.array_split(rng.permutation(n_classes), n_folds)
    folds = []
    for classes in held_out:
        is_kept = np.ones(n_classes, dtype=bool)
        is_kept[_as_classes(classes, n_classes)] = False
        n_kept = int(is_kept.sum())
        if not 2 <= n_kept < n_classes:
            raise UserError(
                f"a fold of held_out keeps {n_kept} of {counted(n_classes, 'class')}; keep at "
                "least two, and hold out at least one"
            )
        is_tested = ~is_kept[y]
        for k in np.flatnonzero(is_kept):
            examples = rng.permutation(np.flatnonzero(y == k))
            is_tested[examples[: len(examples) // KEPT_BACK]] = True
        folds.append(Fold(np.flatnonzero(~is_tested), np.flatnonzero(is_tested), is_kept))
    return folds


def outcome_of(scores: Array, y: Array, is_kept: Array) -> Outcome:
    """Test the scores (N, K) of one candidate for the tested examples of a fold."""
    held_out = np.flatnonzero(~is_kept)
    of_held_out = ~is_kept[y]
    among = held_out[scores[of_held_out][:, held_out].argmax(axis=1)]
    return Outcome(class_accuracy(y[of_held_out], among), margins(scores, y, is_kept))


def choose(folds: Sequence[Sequence[Outcome]]) -> tuple[int, float]:
    """Return the best candidate and its constant of calibrated stacking.

    The best one has the highest accuracy on held-out classes, averaged over folds; of equals, the
    first.

    Parameters
    ----------
    folds : sequence of sequences of Outcome
        The outcomes of all candidates for each fold.
    """
    accuracy = np.mean([[one.accuracy for one in fold] for fold in folds], axis=0)
    best = int(np.argmax(accuracy))
    return best, best_stacking([fold[best].found for fold in folds])


def _as_classes(classes: Any, n_classes: int) -> Array:
    classes = np.asarray(classes)
    if classes.dtype.kind not in "iu" or ((classes < 0) | (classes >= n_classes)).any():
        raise UserError(f"held_out must contain rows of S, integers from 0 to {n_classes - 1:,}")
    return classes
