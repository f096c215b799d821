"""Constants are chosen on classes that the candidate was not fitted to."""

import numpy as np
import pytest

from scratchgpt.zero_shot.attributes.held_out import choose, make_folds, outcome_of

Y = np.repeat(np.arange(9), 10)


def test_each_class_is_held_out_once():
    folds = make_folds(Y, 9, seed=0)
    assert len(folds) == 4
    assert (sum(~fold.is_kept for fold in folds) == 1).all()
    for fold in folds:
        assert not set(fold.fitted) & set(fold.tested)
        assert sorted([*fold.fitted, *fold.tested]) == list(range(90))
        assert fold.is_kept[Y[fold.fitted]].all()
        counts = np.bincount(Y[fold.tested], minlength=9)
        assert (counts == np.where(fold.is_kept, 2, 10)).all()


def test_folds_depend_on_the_seed_alone():
    kept = [[fold.is_kept.tolist() for fold in make_folds(Y, 9, seed)] for seed in (0, 0, 1)]
    assert kept[0] == kept[1] != kept[2]


def test_given_classes_are_held_out():
    [fold] = make_folds(Y, 9, 0, [np.array([2, 5])])
    assert np.flatnonzero(~fold.is_kept).tolist() == [2, 5]


@pytest.mark.parametrize(
    ("n_classes", "held_out", "message"),
    [
        (3, None, "S has 3 classes, too few to choose constants on held-out classes"),
        (9, [[]], "held_out must contain rows of S"),
        (9, [[9]], "held_out must contain rows of S, integers from 0 to 8"),
        (9, [np.arange(8)], "keeps 1 of 9 classes; keep at least two"),
    ],
)
def test_impossible_folds_are_refused(n_classes, held_out, message):
    with pytest.raises(ValueError, match=message):
        make_folds(Y[n_classes > Y], n_classes, 0, held_out)


def test_the_candidate_with_the_highest_mean_accuracy_is_chosen():
    is_kept, y = np.array([True, True, False, False]), np.array([0, 1, 2, 3])
    good, bad = np.eye(4), np.eye(4)[:, [0, 1, 3, 2]]
    folds = [[outcome_of(scores, y, is_kept) for scores in (bad, good, good)]] * 2
    assert [one.accuracy for one in folds[0]] == [0, 1, 1]
    assert choose(folds)[0] == 1
