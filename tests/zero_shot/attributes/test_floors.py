"""The floors assign a seen class."""

import numpy as np

from scratchgpt.zero_shot import Majority, NearestSeen


def test_the_nearest_seen_class_wins_unless_it_is_no_choice(task):
    model = NearestSeen().fit(task.x, task.y, task.s[task.is_seen])
    among_all = model.predict(task.x_test, task.s)
    assert task.is_seen[among_all].all()
    means = np.stack([task.x[task.y == k].mean(axis=0) for k in range(8)])
    nearest = [np.linalg.norm(means - x, axis=1).argmin() for x in task.x_test]
    assert (among_all == nearest).all()
    unseen = task.s[~task.is_seen]
    similar = [np.abs(unseen - task.s[k]).sum(axis=1).argmin() for k in nearest]
    assert (model.predict(task.x_test, unseen) == similar).all()


def test_the_most_frequent_class_is_always_predicted(task):
    y = np.where(task.y == 3, 5, task.y)
    y[0] = 3
    model = Majority().fit(task.x, y, task.s[task.is_seen])
    assert (model.predict(task.x_test, task.s) == 5).all()
