"""Counted words: what BM25 reads, and what an index stores."""

import numpy as np
import pytest

from scratchgpt.evaluation.word_counts import WordCounts

DOCUMENTS = [["a", "b", "a"], [], ["c", "b"], ["d"]]


def table(counts: WordCounts) -> list[dict[str, int]]:
    """The words of each document with their counts, and the checks that hold for all counts."""
    documents = [{} for _ in counts.lengths]
    for word, number in counts.vocabulary.items():
        found = slice(counts.starts[number], counts.starts[number + 1])
        assert (np.diff(counts.documents[found]) > 0).all()
        for place, n in zip(counts.documents[found], counts.counts[found], strict=True):
            documents[place][word] = int(n)
    assert list(counts.vocabulary.values()) == list(range(len(counts.vocabulary)))
    assert [sum(document.values()) for document in documents] == counts.lengths.tolist()
    return documents


def test_words_are_counted():
    assert table(WordCounts.of(DOCUMENTS)) == [{"a": 2, "b": 1}, {}, {"c": 1, "b": 1}, {"d": 1}]
    assert table(WordCounts.of([])) == []


@pytest.mark.parametrize("chosen", [[3, 0], [0, 1, 2, 3], [1], []])
def test_documents_are_taken_as_if_they_were_counted_alone(chosen):
    taken = WordCounts.of(DOCUMENTS).take(np.array(chosen, int))
    expected = table(WordCounts.of([DOCUMENTS[i] for i in chosen]))
    assert table(taken) == expected
    assert set(taken.vocabulary) == {word for document in expected for word in document}


@pytest.mark.parametrize("n_first", range(5))
def test_counts_that_follow_others_are_those_of_all_documents(n_first):
    first, second = WordCounts.of(DOCUMENTS[:n_first]), WordCounts.of(DOCUMENTS[n_first:])
    assert table(first.followed_by(second)) == table(WordCounts.of(DOCUMENTS))
