r"""Multinomial naive Bayes of words and pairs of words: the baseline of every classifier of texts.

The label of a text with features :math:`w_1 \dots w_n` is

.. math::

    \operatorname*{argmax}_y \; \log p(y) + \sum_i \log p(w_i \mid y), \qquad
    p(w \mid y) = \frac{c_{wy} + \alpha}{\sum_v (c_{vy} + \alpha)},

where :math:`c_{wy}` is how often the feature occurs in the training texts of the label, and
:math:`\alpha = 1` is Laplace's smoothing [1]_.

References
----------
.. [1] Manning, Raghavan and Schütze, "Introduction to information retrieval", 2008, section 13.2.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.evaluation.word_counts import WordCounts


class NaiveBayes:
    """A classifier of texts that is fitted by counting.

    Parameters
    ----------
    documents : sequence of sequences of str
        The words of each training text (see :func:`scratchgpt.text.code.words.words`).
    labels : sequence of str
        The label of each training text.
    alpha : float
        Added to each count.

    Attributes
    ----------
    labels : list of str
        All labels, sorted.

    Raises
    ------
    UserError
        If there are no texts, or another number of labels.

    Examples
    --------
    >>> bayes = NaiveBayes([["good", "film"], ["bad", "film"]], ["+", "-"])
    >>> bayes.predict([["a", "good", "one"], ["bad"]])
    ['+', '-']
    """

    def __init__(
        self, documents: Sequence[Sequence[str]], labels: Sequence[str], *, alpha: float = 1.0
    ) -> None:
        if not documents or len(documents) != len(labels):
            raise UserError(
                f"there are {counted(len(documents), 'text')} and {counted(len(labels), 'label')} "
                "to learn from; give one label for each of at least one text"
            )
        self.labels: list[str] = sorted(set(labels))
        numbers = np.array([self.labels.index(label) for label in labels])
        counts = WordCounts.of(map(with_pairs, documents))
        n_labels, n_features = len(self.labels), len(counts.vocabulary)
        features = np.repeat(np.arange(n_features), np.diff(counts.starts))
        cells = features * n_labels + numbers[counts.documents]
        table = np.bincount(cells, counts.counts, minlength=n_features * n_labels)
        smoothed = table.reshape(n_features, n_labels) + alpha
        self._vocabulary = counts.vocabulary
        self._log_p: Array = np.log(smoothed / smoothed.sum(axis=0))  # (V, K)
        self._log_prior: Array = np.log(np.bincount(numbers) / len(numbers))  # (K,)

    def predict(self, documents: Sequence[Sequence[str]]) -> list[str]:
        """Return the most probable label of each text; features that are new are ignored."""
        return [self.labels[i] for i in self.log_scores(documents).argmax(axis=1)]

    def log_scores(self, documents: Sequence[Sequence[str]]) -> Array:
        """Return log p(label) + log p(text | label) for each label: (N, number of labels)."""
        found = np.empty((len(documents), len(self.labels)))
        for scores, document in zip(found, documents, strict=True):
            known = [self._vocabulary.get(feature, -1) for feature in with_pairs(document)]
            rows = self._log_p[[number for number in known if number >= 0]]
            scores[...] = self._log_prior + rows.sum(axis=0)
        return found


def with_pairs(words: Sequence[str]) -> list[str]:
    """Return the words of a text, followed by each pair of neighbors.

    Examples
    --------
    >>> with_pairs(["not", "so", "good"])
    ['not', 'so', 'good', 'not so', 'so good']
    """
    return [*words, *(f"{first} {second}" for first, second in pairwise(words))]
