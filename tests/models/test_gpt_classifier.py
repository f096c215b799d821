import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models import (
    GPT,
    GPTClassifier,
    GPTClassifierConfig,
    GPTConfig,
    describe,
    load_pretrained,
    save_pretrained,
)

SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 6, "block_size": 9, "vocab_size": 14}
LABELS = ("no", "yes", "perhaps")


def config(**changes):
    return GPTClassifierConfig(**{**SIZES, "labels": LABELS, **changes})


def test_it_starts_with_the_weights_of_a_gpt():
    gpt = GPT(GPTConfig(**{**SIZES, "vocab_size": 11, "tied_head": False}), seed=3)
    model = GPTClassifier.from_gpt(gpt, config(tied_head=False, block_size=7), seed=4)
    for name, value in gpt.arrays().items():
        n = len(model.arrays()[name]) if name == "transformer.wpe.weight" else len(value)
        np.testing.assert_array_equal(model.arrays()[name][:n], value[:n], err_msg=name)
    new = model.arrays()["transformer.wte.weight"][-3:]
    assert 0.01 < new.std() < 0.04
    assert 0.01 < model.classifier.weight.value.std() < 0.04
    assert not model.classifier.bias.value.any()


@pytest.mark.parametrize(("labels", "same"), [(LABELS, True), (LABELS[:2], False)])
def test_it_starts_with_a_classifier_and_keeps_its_head_for_the_same_labels(labels, same):
    before = GPTClassifier(config(), seed=3)
    model = GPTClassifier.from_gpt(before, config(labels=labels), seed=4)
    body = "transformer.h.0.mlp.c_fc.weight", "transformer.wte.weight"
    for name in body:
        np.testing.assert_array_equal(model.arrays()[name], before.arrays()[name])
    weight, old = (each.classifier.weight.value for each in (model, before))
    assert (weight.shape == old.shape and (weight == old).all()) == same


def test_the_labels_and_the_weights_are_saved(tmp_path):
    saved = config(problem="similarity", labels=(), center=2.5, spread=0.7, columns=("a", "b"))
    model = GPTClassifier(saved, seed=3)
    save_pretrained(model, tmp_path / "model")
    again = load_pretrained(tmp_path / "model")
    assert again.config == saved
    for name, value in model.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], value, err_msg=name)


@pytest.mark.parametrize("tied_head", [True, False])
def test_its_parameters_are_counted(tied_head):
    model = GPTClassifier(config(tied_head=tied_head))
    assert describe(model.config).n_parameters == model.store.size


def test_dropout_before_the_classifier_is_the_same_for_all_choices():
    choice = config(problem="choice", labels=("1", "2"), classifier_dropout=0.5, n_embd=64)
    model = GPTClassifier(choice, dtype=np.float64)
    tokens = np.tile(np.arange(6), (3, 2, 1))  # both choices are equal
    outputs, saved = model.forward(tokens, np.full((3, 2), 6), dropout_seed=1)
    np.testing.assert_array_equal(outputs.logits[:, 0], outputs.logits[:, 1])
    assert saved.factors.shape == (3, 1, 64)
    assert set(np.unique(saved.factors)) == {0.0, 2.0}
    assert len({row.tobytes() for row in saved.factors}) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"problem": "choices"}, "problem='choices' is not one of .* did you mean 'choice'"),
        ({"vocab_size": 3}, "vocab_size=3 must be more than 3"),
        ({"columns": "text"}, "columns='text' must be a list of names"),
        ({"labels": (1, 2)}, "labels=.* must be a list of names"),
        ({"labels": ("a", "b", "a")}, "'a' is there twice"),
        ({"columns": ("a", "b")}, "classification needs 1, not 2"),
        ({"problem": "choice", "columns": ("a", "b")}, "at least 2 choices"),
        ({"problem": "choice"}, "must name 2 choices"),
        ({"problem": "similarity"}, "similarity has scores, not labels"),
        ({"label_column": "text"}, "label_column='text' must be the name of another column"),
        ({"classifier_dropout": 1.0}, "classifier_dropout=1.0 must be at least 0 and less than 1"),
        ({"lm_weight": -1}, "lm_weight=-1 must be finite and not negative"),
        ({"spread": 0.0}, "spread=0.0 must be finite and greater than 0"),
        ({"center": float("inf")}, "center=inf must be finite"),
        ({"spread": "wide"}, "spread='wide' must be a number"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        config(**changes)


def test_a_model_without_labels_is_refused():
    with pytest.raises(UserError, match="classification needs 2 or more"):
        GPTClassifier(config(labels=("a",)))
