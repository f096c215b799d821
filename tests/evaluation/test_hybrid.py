"""The sum of standardized scores."""

import numpy as np
import pytest

from scratchgpt.evaluation.hybrid import hybrid_scores


def test_scores_are_standardized_and_added():
    lexical, semantic = np.array([0.0, 1.0, 5.0]), np.array([0.3, 0.9, -0.6])
    expected = (lexical - 2) / lexical.std() + (semantic - 0.2) / semantic.std()
    np.testing.assert_allclose(hybrid_scores(lexical, semantic), expected, rtol=1e-14)


def test_units_do_not_matter():
    rng = np.random.default_rng(3)
    lexical, semantic = rng.random(7), rng.random(7)
    changed = hybrid_scores(100 * lexical + 3, semantic / 7 - 2)
    np.testing.assert_allclose(changed, hybrid_scores(lexical, semantic), rtol=1e-12)


def test_constant_scores_and_a_single_document_contribute_0():
    other = np.array([1.0, 2.0, 4.0])
    tenths = np.full(3, 0.1)  # their mean is not exactly 0.1
    assert (hybrid_scores(tenths, other) == hybrid_scores(np.zeros(3), other)).all()
    assert hybrid_scores([3.0], [0.2]).tolist() == [0]
    assert hybrid_scores([], []).shape == (0,)


def test_each_row_is_one_query():
    rng = np.random.default_rng(4)
    lexical, semantic = rng.random((2, 5)), rng.random((2, 5)).astype(np.float32)
    rows = hybrid_scores(lexical, semantic)
    for i in range(2):
        np.testing.assert_allclose(rows[i], hybrid_scores(lexical[i], semantic[i]), rtol=1e-12)


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        hybrid_scores(np.zeros(2), np.zeros(3))
