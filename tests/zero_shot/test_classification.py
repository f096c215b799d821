"""Results: scores of logits, order and ties, and parity with the formulas of transformers."""

from types import SimpleNamespace

import numpy as np

from scratchgpt.zero_shot.classification import best_labels, classification, sigmoid, softmax


def test_labels_are_sorted_and_ties_keep_the_order_given():
    logits = np.array([1.0, 2.0, 1.0, 3.0, 2.0])
    result = classification("t", list("abcde"), logits, softmax(logits))
    assert result["labels"] == list("dbeac")
    assert result["ties"] == [["b", "e"], ["a", "c"]]
    assert result["scores"] == sorted(result["scores"], reverse=True)


def test_scores_that_are_equal_only_after_rounding_are_no_tie():
    logits = np.array([0.0, -800.0, -790.0])
    result = classification("t", list("abc"), logits, softmax(logits))
    assert result["scores"][1:] == [0, 0]
    assert result["labels"] == ["a", "c", "b"]
    assert result["ties"] == []


def test_extreme_logits_give_finite_scores():
    z = np.array([-1e5, 0.0, 1e5])
    np.testing.assert_array_equal(sigmoid(z), [0, 0.5, 1])
    np.testing.assert_array_equal(softmax(z), [0, 0, 1])


def test_the_answer_is_the_best_label_that_reaches_the_threshold():
    result = classification("t", ["a", "b", "c"], np.zeros(3), np.array([0.5, 0.3, 0.2]))
    assert best_labels(result) == ["a"]
    assert best_labels(result, threshold=0.5) == ["a"]
    assert best_labels(result, threshold=0.51) == []
    assert best_labels(result, threshold=0.3, multi_label=True) == ["a", "b"]


def theirs(torch, transformers, logits, names, multi_label):
    """Call transformers' pipeline on logits (L, 2) of contradiction and entailment."""
    rows = [
        {"candidate_label": name, "sequence": "t", "logits": torch.tensor(row[None]).float()}
        for name, row in zip(names, logits, strict=True)
    ]
    pipeline = SimpleNamespace(entailment_id=1, framework="pt")
    postprocess = transformers.ZeroShotClassificationPipeline.postprocess
    return postprocess(pipeline, rows, multi_label=multi_label)


def test_scores_are_those_of_the_pipeline_of_transformers(torch, transformers, rng, assert_close):
    names = list("abcde")
    logits = rng.standard_normal((5, 2))  # contradiction and entailment
    for multi_label in (False, True):
        alone = logits[:, 1] - logits[:, 0]
        scores = sigmoid(alone) if multi_label else softmax(logits[:, 1])
        order = alone if multi_label else logits[:, 1]
        ours = classification("t", names, order, scores)
        expected = theirs(torch, transformers, logits, names, multi_label)
        assert set(expected) == set(ours) - {"ties"}
        assert ours["sequence"] == expected["sequence"]
        assert ours["labels"] == expected["labels"]
        assert_close(ours["scores"], expected["scores"], 1e-6)


def test_a_single_label_is_judged_alone_as_in_transformers(torch, transformers, assert_close):
    logits = np.array([[0.3, -0.4]])
    expected = theirs(torch, transformers, logits, ["a"], False)
    assert_close(sigmoid(logits[:, 1] - logits[:, 0]), expected["scores"], 1e-6)
