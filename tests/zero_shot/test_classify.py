"""Classification by either way: the form of results, the order of labels, and what is refused."""

from itertools import permutations

import numpy as np
import pytest

from scratchgpt import zero_shot
from scratchgpt.embeddings import TextEncoder, add_roles
from scratchgpt.errors import UserError
from scratchgpt.models import GPTEncoder, GPTEncoderConfig
from scratchgpt.text import train_bpe
from scratchgpt.zero_shot import Classifier, classify

TEXTS = ["a goal", "oil prices, and more"]
LABELS = ["sports", "oil, gas", "war"]


@pytest.fixture(params=["embedding", "likelihood"])
def options(request, encoder, language_model):
    model = encoder if request.param == "embedding" else language_model
    return {"model": model, "by": request.param, "hypothesis_template": "A {}."}


def test_one_text_gives_one_result_and_a_list_gives_a_list(options):
    one = classify(TEXTS[0], LABELS, **options)
    assert set(one) == {"sequence", "labels", "scores", "ties"}
    assert one["sequence"] == TEXTS[0]
    assert sorted(one["labels"]) == sorted(LABELS)
    assert one["scores"] == sorted(one["scores"], reverse=True)
    assert sum(one["scores"]) == pytest.approx(1)
    assert classify(TEXTS[:1], LABELS, **options) == [one]
    assert [each["sequence"] for each in classify(TEXTS, LABELS, **options)] == TEXTS
    assert classify([], LABELS, **options) == []


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("calibrate", [False, True])
def test_the_order_of_the_labels_changes_no_bit_of_a_score(options, multi_label, calibrate):
    settings = {**options, "multi_label": multi_label, "calibrate": calibrate}
    expected = classify(TEXTS, LABELS, **settings)
    for labels in permutations(LABELS):
        assert classify(TEXTS, list(labels), **settings) == expected


def test_labels_that_tie_are_in_the_order_given(encoder):
    encoder.word = lambda word: np.eye(8)[int(word == "war")]
    for labels in (["b", "a", "war"], ["a", "war", "b"]):
        result = classify("peace", labels, model=encoder)
        tied = [label for label in labels if label != "war"]
        assert result["labels"] == [*tied, "war"]
        assert result["ties"] == [tied]


def test_a_label_that_is_judged_alone_does_not_depend_on_the_others(encoder):
    together = classify(TEXTS[0], LABELS, model=encoder, multi_label=True)
    for name, score in zip(together["labels"], together["scores"], strict=True):
        assert classify(TEXTS[0], [name], model=encoder)["scores"] == [score]


def test_a_single_label_is_judged_alone(options):
    [score] = classify(TEXTS[0], ["war"], **options)["scores"]
    assert 0 < score < 1
    assert classify(TEXTS[0], ["war"], multi_label=True, **options)["scores"] == [score]


def test_long_texts_are_counted_and_told(make_language_model):
    model = make_language_model(block_size=24)
    with pytest.warns(UserWarning, match="1 of 2 texts too long for the model's context"):
        classify(
            ["x" * 40, "y"], ["a", "b"], model=model, by="likelihood", hypothesis_template="{}"
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"texts": ["a", " \n"]}, "text 2 is empty"),
        ({"texts": ["a", 3]}, "text 2 is 3, not a string"),
        ({"candidate_labels": "a,b"}, "give a list"),
        ({"candidate_labels": ["a", "a"]}, "'a' is given 2 times"),
        ({"by": "embeding"}, "by='embeding' must be one of .*; did you mean 'embedding'?"),
        ({"hypothesis_template": "no place"}, "has {} 0 times"),
        ({"calibrate": True, "content_free": []}, "content_free must be a list"),
        ({"calibrate": True, "content_free": "N/A"}, "content_free must be a list"),
    ],
)
def test_arguments_that_are_refused(options, changes, message):
    arguments = {"texts": TEXTS, "candidate_labels": LABELS, **options, **changes}
    with pytest.raises(UserError, match=message):
        classify(**arguments)


def test_options_of_the_other_way_are_refused(encoder, language_model):
    for changes, message in [
        ({"norm": "pmi"}, "norm='pmi' is only for by='likelihood'"),
        ({"hypothesis_template": "{text} {}"}, "has {text}, which is only for by='likelihood'"),
        ({"model": language_model}, "not LanguageModel; use by='likelihood' for a language model"),
    ]:
        with pytest.raises(UserError, match=message):
            classify(TEXTS, LABELS, **{"model": encoder, **changes})
    for changes, message in [
        ({"scale": 2.0}, "scale=2.0 is only for by='embedding'"),
        ({"hypothesis_template": ["{}", "a {}"]}, "takes one template"),
        ({"model": encoder}, "needs a LanguageModel or the folder of one, not WordEncoder"),
    ]:
        with pytest.raises(UserError, match=message):
            classify(TEXTS, LABELS, **{"model": language_model, "by": "likelihood", **changes})


def test_the_folder_of_a_language_model_is_not_one_of_an_encoder(language_model, tmp_path):
    folder = tmp_path / "model"
    language_model.model.save_pretrained(folder)
    with pytest.raises(UserError, match=r"is a language model, not an encoder.*by='likelihood'"):
        classify(TEXTS, LABELS, model=folder)


def test_classifiers_are_exported():
    assert zero_shot.Classifier is Classifier
    assert zero_shot.classify is classify


def test_the_folder_of_an_encoder_is_loaded(tmp_path):
    tokenizer = add_roles(train_bpe(["a goal and oil prices"], 270))
    config = GPTEncoderConfig(
        n_layer=1, n_head=1, n_embd=8, block_size=16, vocab_size=tokenizer.vocab_size
    )
    encoder = TextEncoder(GPTEncoder(config), tokenizer)
    encoder.model.save_pretrained(tmp_path / "encoder")
    tokenizer.save(tmp_path / "encoder" / "tokenizer.json")
    options = {"hypothesis_template": "{}", "calibrate": True}
    expected = classify(TEXTS, LABELS, model=encoder, **options)
    assert classify(TEXTS, LABELS, model=tmp_path / "encoder", **options) == expected
    with pytest.raises(UserError, match=r"encodes texts as vectors, .*; use by='embedding'"):
        classify(TEXTS, LABELS, model=tmp_path / "encoder", by="likelihood")
