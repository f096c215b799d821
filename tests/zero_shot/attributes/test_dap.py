"""DAP multiplies the probabilities of attributes."""

import numpy as np
import pytest

from scratchgpt.zero_shot import DAP


@pytest.fixture
def model(task):
    return DAP(penalty=0.1).fit(task.x, task.y, task.s[task.is_seen])


def test_the_score_is_the_product_over_attributes(task, model):
    x, s = task.x_test[:3], task.s
    p, prior = model.attribute_probabilities(x), task.s[task.is_seen].mean(axis=0)
    expected = np.ones((3, len(s)))
    for z, row in enumerate(s):
        for m, has in enumerate(row):
            yes = p[:, m] / prior[m], (1 - p[:, m]) / (1 - prior[m])
            expected[:, z] *= yes[0] if has else yes[1]
    np.testing.assert_allclose(np.exp(model.scores(x, s)), expected, rtol=1e-10)


def test_evidence_adds_up_to_the_difference_of_scores(task, model):
    scores = model.scores(task.x_test, task.s)
    evidence = model.evidence(task.x_test, task.s[2], task.s[9])
    np.testing.assert_allclose(evidence.sum(axis=1), scores[:, 2] - scores[:, 9], atol=1e-10)
    assert (evidence[:, task.s[2] == task.s[9]] == 0).all()


def test_unseen_classes_are_recognized(task, model):
    of_unseen = ~task.is_seen[task.y_test]
    predicted = model.predict(task.x_test[of_unseen], task.s[~task.is_seen])
    assert (predicted == task.y_test[of_unseen] - task.is_seen.sum()).mean() > 0.9


def test_a_larger_penalty_shrinks_the_weights(task):
    lengths = [
        np.linalg.norm(DAP(penalty=p).fit(task.x, task.y, task.s[:8]).fitted.parameters[:-1])
        for p in (0.1, 10.0)
    ]
    assert lengths[1] < lengths[0]


def test_attributes_that_are_not_binary_or_do_not_vary_are_refused(task, model):
    s = task.s[task.is_seen].copy()
    s[0, 1] = 0.5
    with pytest.raises(ValueError, match=r"DAP needs attributes that are 0 or 1, .* 0\.5; use bin"):
        DAP().fit(task.x, task.y, s)
    s[:, 1] = 1
    with pytest.raises(ValueError, match="column 1 of S is 1 in all classes"):
        DAP().fit(task.x, task.y, s)
    with pytest.raises(ValueError, match="DAP needs attributes that are 0 or 1"):
        model.scores(task.x, s + 0.5)
