"""An experiment prints all measures, and never uses the test to choose constants."""

import numpy as np

from scratchgpt.zero_shot.attributes.evaluate import evaluate, learned_attributes


def test_all_methods_are_tested(task):
    results = {result.name: result for result in evaluate(task)}
    assert list(results) == ["DAP", "IAP", "ESZSL", "NearestSeen", "Majority"]
    for name in ("DAP", "ESZSL"):
        result = results[name]
        assert result.accuracy > 0.8
        assert result.accuracy == np.mean(np.diag(result.confusion) / 20)
        assert (result.stacked.unseen - result.generalized.unseen) * result.stacking > 0
        assert (result.stacked.seen - result.generalized.seen) * result.stacking < 0
        assert 0 < result.ausuc <= 1
    floor = results["NearestSeen"]
    assert floor.generalized.unseen == floor.generalized.harmonic == 0
    assert results["Majority"].accuracy == 1 / 4


def test_constants_do_not_depend_on_the_test_examples(task):
    other = task._replace(x_test=task.x_test[::-1] + 1.0)
    for first, second in zip(evaluate(task), evaluate(other), strict=True):
        assert (first.constants, first.stacking) == (second.constants, second.stacking)


def test_attributes_that_no_seen_class_distinguishes_are_left_out(task):
    binary = np.column_stack([task.binary, ~task.is_seen])
    same = task._replace(binary=binary, held_out=[np.array([0, 1, 2])])
    assert learned_attributes(same).tolist() == list(range(6))
    assert next(evaluate(same)).accuracy > 0.8
