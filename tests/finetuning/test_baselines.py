import numpy as np

from scratchgpt.finetuning import Examples
from scratchgpt.finetuning.baselines import baseline_labels, word_overlap
from scratchgpt.models import GPTClassifierConfig


def config(problem, **changes):
    return GPTClassifierConfig(problem=problem, vocab_size=20, **changes)


def test_labels_are_answered_by_the_majority_and_by_words():
    train = Examples([("good film",), ("good food",), ("bad film",)], ["+", "+", "-"], "t")
    answers = baseline_labels(train, [("bad bad food",), ("good",)], config("classification"))
    assert answers == {"majority": ["+", "+"], "naive Bayes": ["-", "+"]}


def test_the_texts_of_an_entailment_have_different_words_and_those_of_a_paraphrase_the_same():
    train = Examples([("fox", "dog"), ("dog", "fox")] * 2, ["yes", "no"] * 2, "t")
    texts = [("fox", "dog"), ("dog", "fox")]
    assert baseline_labels(train, texts, config("entailment"))["naive Bayes"] == ["yes", "no"]
    same = baseline_labels(train, [("fox", "x"), ("x", "fox")], config("paraphrase"))
    assert len(set(same["naive Bayes"])) == 1


def test_a_choice_is_answered_by_what_right_choices_say():
    texts = [("it rained", "wet ground", "dry sand"), ("it burned", "dry leaf", "wet grass")]
    train = Examples(texts, ["1", "2"], "t")
    choice = config("choice", labels=("1", "2"))
    answers = baseline_labels(train, [("x", "dry", "wet"), ("x", "wet", "dry")], choice)
    assert answers["naive Bayes"] == ["2", "1"]


def test_the_overlap_is_the_fraction_of_common_words():
    overlap = word_overlap([("a b c", "b c d"), ("a", "a"), ("a", "b"), ("!", "?")])
    np.testing.assert_allclose(overlap, [0.5, 1, 0, 0])
