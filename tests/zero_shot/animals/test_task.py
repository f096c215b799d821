"""The task of the animals: what is held out, and that it is learned."""

import numpy as np

from scratchgpt.zero_shot.animals.task import (
    ATTRIBUTES,
    UNSEEN,
    animal_attributes,
    animal_kinds,
    animal_task,
)
from scratchgpt.zero_shot.attributes.evaluate import evaluate


def test_each_body_and_each_coat_of_an_unseen_kind_is_seen_elsewhere():
    kinds = animal_kinds()
    assert len(kinds) == 30
    assert sum(not kind.is_seen for kind in kinds) == len(UNSEEN) == 6
    assert UNSEEN["horse", "stripes"] == "zebra"
    seen = [kind for kind in kinds if kind.is_seen]
    for body, coat in UNSEEN:
        assert sum(kind.body == body for kind in seen) >= 3
        assert sum(kind.coat == coat for kind in seen) >= 4


def test_kinds_differ_in_their_attributes_and_seen_kinds_have_both_values():
    s = animal_attributes()
    assert s.shape == (30, len(ATTRIBUTES)) == (30, 13)
    assert len(np.unique(s, axis=0)) == 30
    seen = s[[kind.is_seen for kind in animal_kinds()]]
    assert (seen.min(axis=0) == 0).all()
    assert (seen.max(axis=0) == 1).all()


def test_unseen_kinds_are_in_the_test_alone():
    animals = animal_task(n_train=2, n_test=3)
    task = animals.task
    assert task.is_seen[task.y].all()
    assert np.bincount(task.y_test).tolist() == [3] * 30
    assert animals.test_pictures.shape == (90, 24, 24)


def test_most_pictures_of_unseen_kinds_are_recognized():
    """Few pictures are enough for this; benchmarks/unseen_animals.py measures all of them."""
    results = {result.name: result for result in evaluate(animal_task(n_train=20, n_test=10).task)}
    for name in ("DAP", "ESZSL"):
        assert results[name].accuracy > 0.8
        assert results[name].stacked.harmonic > 0.6
    assert results["DAP"].stacked.harmonic > results["DAP"].generalized.harmonic
    assert results["NearestSeen"].generalized.unseen == 0
