r"""BM25: the score of documents by the words that they share with a query.

The score of a document :math:`d` for a query :math:`q` is

.. math::

    \sum_{w \in q} \log\!\Big(1 + \frac{N - n_w + 1/2}{n_w + 1/2}\Big)
    \frac{(k_1 + 1)\, c_{wd}}{c_{wd} + k_1 (1 - b + b\, \ell_d / \bar\ell)},

with :math:`N` documents, of which :math:`n_w` contain :math:`w`; :math:`c_{wd}` is how often the
word occurs in the document, and :math:`\ell_d` its number of words. A word that the query has twice
counts twice. The first factor is that of [1]_ with 1 added inside the logarithm, so that a word
of most documents does not count against them.

References
----------
.. [1] Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009,
   equations 3.3 and 3.15.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from scratchgpt.arguments import check_real
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.evaluation.word_counts import WordCounts


class BM25:
    """Documents that can be scored for queries.

    Parameters
    ----------
    documents : sequence of sequences of str, or WordCounts
        The words of each document (see :func:`scratchgpt.text.code.words.words`), or these words
        counted. Counts can be stored, so that no word has to be read twice.
    k1 : float
        How slowly a repeated word saturates; 0 counts each word once.
    b : float
        How much long documents are discounted, from 0 to 1.

    Raises
    ------
    UserError
        If ``k1`` is negative, or ``b`` is not between 0 and 1.

    Examples
    --------
    >>> bm25 = BM25([["read", "file"], ["write", "file"], ["sort", "list"]])
    >>> bm25.scores(["read", "file"]).round(3).tolist()
    [1.451, 0.47, 0.0]
    """

    def __init__(
        self, documents: Iterable[Sequence[str]] | WordCounts, *, k1: float = 1.5, b: float = 0.75
    ) -> None:
        self.k1, self.b = check_real("k1", k1, least=0), check_real("b", b, least=0)
        if self.b > 1:
            raise UserError(f"b={b} must be a number from 0 to 1")
        self.counts = documents if isinstance(documents, WordCounts) else WordCounts.of(documents)
        lengths = self.counts.lengths
        mean = max(lengths.mean(), 1e-300) if len(lengths) else 1.0
        self._discounts = self.k1 * (1 - self.b + self.b * lengths / mean)  # (N,)

    def __len__(self) -> int:
        return len(self._discounts)

    def scores(self, query: Iterable[str]) -> Array:
        """Return the score of each document for the words of a query.

        Returns
        -------
        array (N,) of float64
            0 for a document that shares no word with the query; otherwise positive.
        """
        scores = np.zeros(len(self))
        for word, n_times in Counter(query).items():
            number = self.counts.vocabulary.get(word)
            if number is None:
                continue
            found = slice(self.counts.starts[number], self.counts.starts[number + 1])
            documents, counts = self.counts.documents[found], self.counts.counts[found]
            rarity = np.log1p((len(self) - len(documents) + 0.5) / (len(documents) + 0.5))
            saturated = (self.k1 + 1) * counts / (counts + self._discounts[documents])
            scores[documents] += n_times * rarity * saturated
        return scores
