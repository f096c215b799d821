"""Labels by embedding: the formula, templates, calibration, and how much is encoded."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.zero_shot import Classifier, classify

TEXTS = ["goal match team", "shares of a company", "sports"]
LABELS = ["sports", "business: company shares", "war"]


def test_scores_are_the_softmax_of_scaled_cosines(encoder, assert_close):
    results = classify(TEXTS, LABELS, model=encoder)
    sentences = [f"This example is {label}." for label in LABELS]
    names = ["sports", "business", "war"]
    for text, result in zip(TEXTS, results, strict=True):
        z = [10 * encoder.vector(text) @ encoder.vector(each) for each in sentences]
        expected = dict(zip(names, np.exp(z) / np.exp(z).sum(), strict=True))
        assert_close(result["scores"], [expected[name] for name in result["labels"]], 1e-6)
    assert results[2]["labels"][0] == "sports"


def test_each_label_alone_is_compared_with_the_template_without_a_label(encoder, assert_close):
    result = classify(TEXTS[0], LABELS, model=encoder, multi_label=True, scale=3.0)
    v = encoder.vector(TEXTS[0])
    for name, score in zip(result["labels"], result["scores"], strict=True):
        [sentence] = [f"This example is {label}." for label in LABELS if label.startswith(name)]
        with_label = np.exp(3 * v @ encoder.vector(sentence))
        without = np.exp(3 * v @ encoder.vector("This example is ."))
        assert_close(score, with_label / (with_label + without), 1e-6)
        alone = classify(TEXTS[0], [sentence[16:-1]], model=encoder, scale=3.0)
        assert alone["scores"] == [score]


def test_vectors_of_templates_are_averaged(encoder, assert_close):
    templates = ["a {}", "{} is what it is"]
    result = classify(TEXTS[0], ["war", "sports"], model=encoder, hypothesis_template=templates)
    z = {}
    for name in ("war", "sports"):
        mean = sum(encoder.vector(template.replace("{}", name)) for template in templates)
        z[name] = 10 * encoder.vector(TEXTS[0]) @ mean / np.linalg.norm(mean)
    first, second = result["labels"]
    assert_close(result["scores"][0], 1 / (1 + np.exp(z[second] - z[first])), 1e-6)


def test_calibration_subtracts_the_mean_similarity_with_texts_that_say_nothing(
    encoder, assert_close
):
    content_free = ["N/A", "", "[MASK]"]
    result = classify(TEXTS[1], ["war", "sports"], model=encoder, calibrate=True)
    z = {}
    for name in ("war", "sports"):
        sentence = encoder.vector(f"This example is {name}.")
        mean = np.mean([encoder.vector(text) @ sentence for text in content_free])
        z[name] = 10 * (encoder.vector(TEXTS[1]) @ sentence - mean)
    first, second = result["labels"]
    assert z[first] > z[second]
    assert_close(result["scores"][0], 1 / (1 + np.exp(z[second] - z[first])), 1e-5)


def test_labels_and_texts_are_encoded_once_each(encoder):
    classifier = Classifier(LABELS, model=encoder)
    assert len(encoder.encoded) == len(LABELS) + 1
    classifier(TEXTS)
    classifier(TEXTS[:1])
    assert len(encoder.encoded) == len(LABELS) + 1 + len(TEXTS) + 1


def test_a_score_does_not_depend_on_the_other_texts(encoder):
    classifier = Classifier(LABELS, model=encoder)
    assert classifier(TEXTS) == [classifier([text])[0] for text in TEXTS]


def test_vectors_that_are_not_finite_are_refused(encoder):
    encoder.encode_query = lambda texts: np.full((len(texts), 3), np.nan)
    with pytest.raises(UserError, match="vectors are NaN or infinite"):
        classify(TEXTS, LABELS, model=encoder)


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf"), "a"])
def test_the_scale_must_be_positive(encoder, scale):
    with pytest.raises(UserError, match="scale"):
        classify(TEXTS, LABELS, model=encoder, scale=scale)
