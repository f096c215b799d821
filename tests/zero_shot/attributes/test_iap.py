"""IAP gets attributes from the probabilities of the seen classes."""

import numpy as np
import pytest

from scratchgpt.zero_shot import IAP
from scratchgpt.zero_shot.attributes.logistic import softmax


def test_the_attributes_are_those_of_the_seen_classes(task):
    seen = task.s[task.is_seen]
    model = IAP(penalty=1.0).fit(task.x, task.y, seen)
    p = model.fitted.parameters
    of_classes = softmax(task.x_test[:4] @ p[:-1] + p[-1])[0]
    yes, prior = of_classes @ seen, seen.mean(axis=0)
    ratios = np.where(task.s[:, None] == 1, yes / prior, (1 - yes) / (1 - prior))  # (K, 4, m)
    found = np.exp(model.scores(task.x_test[:4], task.s))
    np.testing.assert_allclose(found, ratios.prod(axis=2).T, rtol=1e-3)  # of the clipping


def test_seen_classes_are_recognized(task):
    model = IAP(penalty=0.1).fit(task.x, task.y, task.s[task.is_seen])
    assert (model.predict(task.x, task.s[task.is_seen]) == task.y).mean() > 0.95


def test_attributes_must_be_binary(task):
    with pytest.raises(ValueError, match="IAP needs attributes that are 0 or 1"):
        IAP().fit(task.x, task.y, task.s[task.is_seen] + 0.5)
