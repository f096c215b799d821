"""Latent semantic analysis equals a singular value decomposition of the whole matrix."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.evaluation import LSA

TEXTS = [
    text.split()
    for text in (
        "match goal team team",
        "team coach goal",
        "market shares oil",
        "oil price market",
        "coach match",
        "price shares goal",
    )
]


def weighted(texts):
    """TF-IDF by hand, as a dense matrix with rows of length 1."""
    vocabulary = sorted({word for text in TEXTS for word in text})
    rows = []
    for text in texts:
        row = []
        for word in vocabulary:
            n, frequency = text.count(word), sum(word in other for other in TEXTS)
            idf = 1 + np.log((1 + len(TEXTS)) / (1 + frequency))
            row.append((1 + np.log(n)) * idf if n else 0)
        rows.append(row)
    x = np.array(rows)
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(lengths > 0, lengths, 1)


def test_vectors_are_those_of_the_singular_value_decomposition(assert_close):
    lsa = LSA(TEXTS, dim=3)
    _, values, directions = np.linalg.svd(weighted(TEXTS))
    assert_close(lsa.singular_values, values[:3], 1e-10)
    new = [["team", "oil"], ["coach", "unknown"], *TEXTS]
    expected = weighted(new) @ directions[:3].T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    ours = lsa.embed(new)
    assert_close(np.linalg.norm(ours, axis=1), np.ones(len(new)), 1e-12)
    assert_close(ours @ ours.T, expected @ expected.T, 1e-9)  # the signs of directions are free


def test_two_fits_have_the_same_bits():
    first, second = (LSA(TEXTS, dim=3).embed(TEXTS) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_text_without_known_words_is_zero():
    np.testing.assert_array_equal(LSA(TEXTS, dim=2).embed([["unknown"], []]), np.zeros((2, 2)))


def test_too_many_directions_are_refused():
    with pytest.raises(UserError, match=r"dim=6 .* 6 texts with 8 different words"):
        LSA(TEXTS, dim=6)
