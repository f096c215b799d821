"""Labels and templates: what is accepted, and what is refused in one line."""

import pytest

from scratchgpt.errors import UserError
from scratchgpt.zero_shot.labels import Label, parse_labels, parse_templates


def test_a_description_follows_a_colon_and_a_space():
    assert parse_labels(["a, b", " c:d ", "e: f: g, h"]) == [
        Label("a, b"),
        Label("c:d"),
        Label("e", "f: g, h"),
    ]
    assert str(Label("e", "f")) == "e: f"
    assert str(Label("e")) == "e"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("a, b", "the labels are the single string 'a, b'; give a list"),
        ([], "there are no labels; give at least one"),
        (["a", "  "], "label 2 is empty"),
        (["a", ": b"], "label 2 is empty"),
        (["a", "b", "a: c"], "the label 'a' is given 2 times"),
        (["a", 3], "label 2 is 3, not a string"),
    ],
)
def test_labels_that_are_refused(labels, message):
    with pytest.raises(UserError, match=message) as caught:
        parse_labels(labels)
    assert "\n" not in str(caught.value)


def test_one_or_several_templates():
    assert parse_templates("It is {}.") == ["It is {}."]
    assert parse_templates(("{}", "{x} {}")) == ["{}", "{x} {}"]


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ("It is", r"has \{\} 0 times; put \{\} once"),
        (["{}", "{} {}"], r"has \{\} 2 times"),
        ([], "no templates"),
    ],
)
def test_templates_that_are_refused(templates, message):
    with pytest.raises(UserError, match=message):
        parse_templates(templates)
