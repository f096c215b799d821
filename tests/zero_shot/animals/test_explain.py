"""The explanation of a class adds up to the scores that it explains."""

import numpy as np
import pytest

from scratchgpt.zero_shot import DAP
from scratchgpt.zero_shot.animals.explain import explain
from scratchgpt.zero_shot.animals.task import ATTRIBUTES, animal_task


def test_evidence_is_the_difference_of_scores():
    task = animal_task(n_train=10, n_test=5).task
    number = np.cumsum(task.is_seen) - 1
    model = DAP(penalty=1.0).fit(task.x, number[task.y], task.s[task.is_seen])
    found = explain(model, task, ATTRIBUTES, "zebra")
    assert found.n_pictures == 5
    k = task.names.index("zebra")
    mean = model.scores(task.x_test[task.y_test == k], task.s).mean(axis=0)
    for name, side in ((found.unseen, False), (found.seen, True)):
        other = task.names.index(name)
        assert task.is_seen[other] == side
        rest = [j for j in range(30) if task.is_seen[j] == side and j != k]
        assert mean[other] == mean[rest].max()
        column = "against_seen" if side else "against_unseen"
        total = sum(getattr(row, column) for row in found.rows)
        assert total == pytest.approx(mean[k] - mean[other])
    assert {row.attribute for row in (*found.rows, *found.shared)} == set(ATTRIBUTES)
    assert all(row.against_seen == row.against_unseen == 0 for row in found.shared)
