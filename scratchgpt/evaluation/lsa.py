r"""Latent semantic analysis: texts as vectors without a neural network, as a baseline.

The words of each text are weighted by TF-IDF, and each text is scaled to length 1. The rows of the
matrix of all texts, :math:`X = U \Sigma V^\top`, are then reduced to the :math:`k` directions with
the largest singular values [1]_. The vector of any text :math:`x` is :math:`x V_k`, scaled to
length 1. Words that occur in the same texts have similar rows in :math:`V_k`, so two texts can be
similar although they share no word.

References
----------
.. [1] Deerwester et al., "Indexing by latent semantic analysis", 1990.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.evaluation.word_counts import WordCounts


class LSA:
    """Vectors of texts, by the words that occur together in a collection of texts.

    Parameters
    ----------
    documents : sequence of sequences of str, or WordCounts
        The words of the texts to learn from (see :func:`scratchgpt.text.code.words.words`).
    dim : int
        Number of directions to keep.

    Attributes
    ----------
    singular_values : array (dim,)
        In descending order.

    Raises
    ------
    UserError
        If there are not more than ``dim`` texts and words.

    Examples
    --------
    >>> texts = ["match goal team", "team coach goal", "market shares oil", "oil price market"]
    >>> lsa = LSA([text.split() for text in texts], dim=2)
    >>> vectors = lsa.embed([["coach"], ["match"], ["price"]])
    >>> abs(vectors @ vectors.T).round(2).tolist()
    [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    def __init__(self, documents: Iterable[Sequence[str]] | WordCounts, *, dim: int = 50) -> None:
        from scipy.sparse.linalg import svds

        counts = documents if isinstance(documents, WordCounts) else WordCounts.of(documents)
        n_texts, n_words = len(counts.lengths), len(counts.vocabulary)
        dim = check_whole("dim", dim, least=1)
        if dim >= min(n_texts, n_words):
            raise UserError(
                f"dim={dim} must be less than the number of texts and of words, but there are "
                f"{counted(n_texts, 'text')} with {counted(n_words, 'different word')}"
            )
        self._vocabulary = counts.vocabulary
        frequency = np.diff(counts.starts)  # (V,) in how many texts each word occurs
        self._idf = 1 + np.log((1 + n_texts) / (1 + frequency))
        weights = self._weighted(counts, np.arange(n_words))  # (N, V)
        # A fixed start vector makes the iteration of ARPACK deterministic.
        _, values, directions = svds(weights, k=dim, v0=np.ones(min(n_texts, n_words)))
        order = np.argsort(-values, kind="stable")
        self.singular_values: Array = values[order]
        self._directions: Array = np.ascontiguousarray(directions[order].T)  # (V, dim)

    def embed(self, documents: Iterable[Sequence[str]] | WordCounts) -> Array:
        """Return the vectors of texts, given their words.

        Returns
        -------
        array (N, dim) of float64
            Each row has length 1; it is 0 for a text without a known word.
        """
        counts = documents if isinstance(documents, WordCounts) else WordCounts.of(documents)
        columns = np.array([self._vocabulary.get(word, -1) for word in counts.vocabulary], int)
        vectors: Array = self._weighted(counts, columns) @ self._directions
        return vectors / _nonzero(np.linalg.norm(vectors, axis=1, keepdims=True))

    def _weighted(self, counts: WordCounts, columns: Array) -> Array:
        """Return the TF-IDF of texts, a sparse matrix (N, V) with rows of length 1."""
        from scipy.sparse import csr_matrix

        words = np.repeat(columns, np.diff(counts.starts))
        known = words >= 0
        words, texts = words[known], counts.documents[known]
        values = (1 + np.log(counts.counts[known])) * self._idf[words]
        n_texts = len(counts.lengths)
        lengths = np.sqrt(np.bincount(texts, values**2, minlength=n_texts))
        shape = (n_texts, len(self._vocabulary))
        matrix: Array = csr_matrix((values / _nonzero(lengths)[texts], (texts, words)), shape)
        return matrix


def _nonzero(lengths: Array) -> Array:
    return np.where(lengths > 0, lengths, 1)
