"""The most frequent label and its share."""

import pytest

from scratchgpt.evaluation import majority


def test_the_most_frequent_label():
    assert majority(["a", "b", "b"]) == ("b", 2 / 3)
    assert majority(["b", "a", "a", "b"]) == ("b", 0.5)


def test_labels_are_needed():
    with pytest.raises(ValueError, match="no labels"):
        majority([])
