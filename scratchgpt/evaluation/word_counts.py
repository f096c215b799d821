"""The words of documents, counted and arranged by word, as BM25 reads them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from scratchgpt.backend import Array


@dataclass(frozen=True)
class WordCounts:
    """How often each word occurs in each document: an inverted index.

    The occurrences of word ``w`` are those from ``starts[w]`` to ``starts[w + 1]``.

    Attributes
    ----------
    vocabulary : dict from str to int
        The number of each word.
    starts : array (V + 1,) of int64
        The first occurrence of each word.
    documents : array (P,) of int32
        The document of each occurrence, ascending for each word.
    counts : array (P,) of int32
        How often the word occurs in that document.
    lengths : array (N,) of int64
        The number of words of each document.
    """

    vocabulary: dict[str, int]
    starts: Array
    documents: Array
    counts: Array
    lengths: Array

    @classmethod
    def of(cls, documents: Iterable[Sequence[str]]) -> "WordCounts":
        """Count the words of each document."""
        vocabulary: dict[str, int] = {}
        parts, lengths = [], []
        for document in documents:
            counter = Counter(document)
            numbers = [vocabulary.setdefault(word, len(vocabulary)) for word in counter]
            part = np.empty((2, len(numbers)), np.int32)
            part[0], part[1] = numbers, list(counter.values())
            parts.append(part)
            lengths.append(len(document))
        words, counts = np.concatenate(parts, 1) if parts else np.empty((2, 0), np.int32)
        places = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part[0]) for part in parts])
        return _arranged(vocabulary, words, places, counts, np.array(lengths, np.int64))

    def take(self, documents: Array) -> "WordCounts":
        """Return the counts of the given documents, in that order.

        Parameters
        ----------
        documents : array of int
            Numbers of documents, all different. Words of no document leave the vocabulary.
        """
        new_numbers = np.full(len(self.lengths), -1, np.int32)
        new_numbers[documents] = np.arange(len(documents), dtype=np.int32)
        renumbered = new_numbers[self.documents]
        kept = renumbered >= 0
        words = np.repeat(np.arange(len(self.vocabulary)), np.diff(self.starts))[kept]
        used = np.zeros(len(self.vocabulary), bool)
        used[words] = True
        numbers = np.cumsum(used) - 1
        names = [word for word, is_used in zip(self.vocabulary, used, strict=True) if is_used]
        vocabulary = {word: i for i, word in enumerate(names)}
        lengths = self.lengths[documents]
        return _arranged(vocabulary, numbers[words], renumbered[kept], self.counts[kept], lengths)

    def followed_by(self, other: "WordCounts") -> "WordCounts":
        """Return the counts of these documents, followed by those of another object."""
        vocabulary = dict(self.vocabulary)
        renumbered = np.array(
            [vocabulary.setdefault(word, len(vocabulary)) for word in other.vocabulary], np.int64
        )
        words = np.repeat(np.arange(len(self.vocabulary)), np.diff(self.starts))
        others = np.repeat(renumbered, np.diff(other.starts))
        return _arranged(
            vocabulary,
            np.concatenate([words, others]),
            np.concatenate([self.documents, other.documents + np.int32(len(self.lengths))]),
            np.concatenate([self.counts, other.counts]),
            np.concatenate([self.lengths, other.lengths]),
        )


def _arranged(
    vocabulary: dict[str, int], words: Array, documents: Array, counts: Array, lengths: Array
) -> WordCounts:
    """Sort occurrences by word, and by document for each word."""
    order = np.lexsort((documents, words))
    starts = np.zeros(len(vocabulary) + 1, np.int64)
    np.cumsum(np.bincount(words, minlength=len(vocabulary)), out=starts[1:])
    return WordCounts(vocabulary, starts, documents[order], counts[order], lengths)
