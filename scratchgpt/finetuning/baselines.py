"""Answers without a neural network, which every fine-tuned model has to be compared with."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.evaluation import NaiveBayes, majority
from scratchgpt.finetuning.examples import Examples
from scratchgpt.models import GPTClassifierConfig
from scratchgpt.text.code.words import words

MAJORITY, NAIVE_BAYES, OVERLAP = "majority", "naive Bayes", "word overlap"


def baseline_labels(
    train: Examples, texts: Sequence[tuple[str, ...]], config: GPTClassifierConfig
) -> dict[str, list[str]]:
    """Predict labels by the most frequent label of the training examples, and by naive Bayes.

    Naive Bayes counts the words of a text and their pairs. The two texts of an entailment have
    different words, those of a paraphrase the same. For a choice, it learns what is right and what
    is wrong from each choice alone, and answers the choice with the highest odds.
    """
    most = majority(train.labels).label
    if config.is_choice:
        answers = _choose(train, texts, config)
    else:
        bayes = NaiveBayes([_words(each, config) for each in train.texts], train.labels)
        answers = bayes.predict([_words(each, config) for each in texts])
    return {MAJORITY: [most] * len(texts), NAIVE_BAYES: answers}


def word_overlap(texts: Sequence[tuple[str, ...]]) -> Array:
    """Return how many of the different words of two texts both have, a fraction for each pair."""
    pairs = [(set(words(one)), set(words(other))) for one, other in texts]
    return np.array([len(one & other) / max(len(one | other), 1) for one, other in pairs])


def _words(texts: tuple[str, ...], config: GPTClassifierConfig) -> list[str]:
    first, *others = map(words, texts)
    ordered = config.n_rows == 1
    return first + [f"2 {word}" if ordered else word for other in others for word in other]


def _choose(
    train: Examples, texts: Sequence[tuple[str, ...]], config: GPTClassifierConfig
) -> list[str]:
    labels = config.labels
    documents = [words(choice) for example in train.texts for choice in example[1:]]
    right = [str(name == label) for label in train.labels for name in labels]
    bayes = NaiveBayes(documents, right)
    no, yes = (bayes.labels.index(str(value)) for value in (False, True))
    scores = bayes.log_scores([words(choice) for example in texts for choice in example[1:]])
    odds = (scores[:, yes] - scores[:, no]).reshape(-1, len(labels))
    return [labels[i] for i in odds.argmax(axis=1)]
