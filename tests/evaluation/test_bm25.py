"""BM25, compared with values computed by hand from the formula."""

import math

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.evaluation.bm25 import BM25
from scratchgpt.evaluation.word_counts import WordCounts

DOCUMENTS = [["read", "file", "file"], ["write", "file"], ["sort", "list", "of", "list", "x"]]


def test_scores_are_those_computed_by_hand():
    # There are 3 documents with 10 words; "file" is in two of them, and "list" in one.
    rare, common = math.log(1 + 2.5 / 1.5), math.log(1 + 1.5 / 2.5)
    first = common * 2.5 * 2 / (2 + 1.5 * (0.25 + 0.75 * 3 / (10 / 3)))
    second = common * 2.5 * 1 / (1 + 1.5 * (0.25 + 0.75 * 2 / (10 / 3)))
    third = 2 * rare * 2.5 * 2 / (2 + 1.5 * (0.25 + 0.75 * 5 / (10 / 3)))
    scores = BM25(DOCUMENTS).scores(["file", "list", "list", "absent"])
    np.testing.assert_allclose(scores, [first, second, third], rtol=1e-14)


def test_with_b_0_the_length_and_with_k1_0_the_count_does_not_matter():
    documents = [["a"], ["a", "b", "c", "d"], ["a", "a"]]
    same_length, same_count = BM25(documents, b=0).scores("a"), BM25(documents, k1=0).scores("a")
    assert same_length[0] == same_length[1] < same_length[2]
    assert same_count[0] == same_count[1] == same_count[2] > 0


def test_stored_counts_give_the_same_scores():
    stored = BM25(WordCounts.of(DOCUMENTS))
    query = ["file", "x"]
    assert (stored.scores(query) == BM25(DOCUMENTS).scores(query)).all()


def test_a_word_of_every_document_never_counts_against_one():
    assert (BM25([["a"], ["a", "b"]]).scores(["a"]) > 0).all()


def test_queries_and_documents_may_be_empty():
    assert BM25([]).scores(["a"]).shape == (0,)
    assert BM25(DOCUMENTS).scores([]).tolist() == [0, 0, 0]
    assert BM25([[], []]).scores(["a"]).tolist() == [0, 0]
    assert BM25([[], ["a"]]).scores(["a"])[0] == 0


@pytest.mark.parametrize("wrong", [{"k1": -1}, {"b": 2}, {"b": math.nan}, {"k1": "x"}])
def test_impossible_constants_are_refused(wrong):
    with pytest.raises(UserError, match=f"{next(iter(wrong))}="):
        BM25(DOCUMENTS, **wrong)
