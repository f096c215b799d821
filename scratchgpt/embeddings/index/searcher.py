"""The scores of all pieces of an index for a query."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.embeddings.index.contents import Contents
from scratchgpt.embeddings.index.ranking import Hit, best_first, chosen, is_test
from scratchgpt.embeddings.index.selection import selected
from scratchgpt.embeddings.index.vectors import Vectors
from scratchgpt.evaluation.bm25 import BM25
from scratchgpt.evaluation.hybrid import hybrid_scores
from scratchgpt.text.code.words import words

_TEST = "test"  # in a query, also as "tests" and "testing"


class Searcher:
    """Contents and vectors, with what every query needs computed once.

    Parameters
    ----------
    contents : Contents
    vectors : Vectors or None
        None for search by words only.
    """

    def __init__(self, contents: Contents, vectors: Vectors | None) -> None:
        self._contents, self._vectors = contents, vectors
        sizes = [entry.n_pieces for entry in contents.files]
        self._files = np.repeat(np.arange(len(sizes)), sizes)  # (N,)
        self._in_tests = np.array([is_test(entry.path) for entry in contents.files], bool)
        self._bm25: BM25 | None = None
        numbers = {} if vectors is None else vectors.numbers
        self._rows = np.array([numbers.get(key, -1) for key in contents.keys], np.int64)

    def search(
        self,
        text: str,
        query: Array | None,
        mode: str,
        n: int,
        roots: Sequence[Path | str] | None,
        include: Sequence[str],
    ) -> list[Hit]:
        """Return the best pieces; see :meth:`scratchgpt.embeddings.index.index.Index.search`.

        Parameters
        ----------
        query : array (dim,), optional
            The vector of the text; not needed in lexical mode.
        """
        paths = [entry.path for entry in self._contents.files]
        candidates = np.array(selected(paths, roots, include), bool)[self._files]
        lexical = None if mode == "semantic" else self._lexical(text)
        semantic = None if query is None else self._similarities(query)
        if lexical is None:
            candidates &= self._rows >= 0
        if semantic is None and lexical is not None:
            candidates &= lexical > 0
        kept = candidates.nonzero()[0]
        scores = [one[kept] for one in (lexical, semantic) if one is not None]
        combined = scores[0] if len(scores) == 1 else hybrid_scores(*scores)
        if kept.size and _TEST not in words(text):
            combined = combined - combined.std() * self._in_tests[self._files[kept]]
        return self._hits(kept, combined, lexical, semantic, n)

    def _lexical(self, text: str) -> Array:
        self._bm25 = self._bm25 or BM25(self._contents.counts)
        return self._bm25.scores(words(text))

    def _similarities(self, query: Array) -> Array:
        """Return the cosine of each piece; pieces without a vector have the mean of the others."""
        assert self._vectors is not None
        has_vector = self._rows >= 0
        if not has_vector.any():
            return np.zeros(len(self._rows))
        similarities = (self._vectors.rows @ query).astype(np.float64)[self._rows]
        similarities[~has_vector] = similarities[has_vector].mean()
        return similarities

    def _hits(
        self,
        kept: Array,
        scores: Array,
        lexical: Array | None,
        semantic: Array | None,
        n: int,
    ) -> list[Hit]:
        contents = self._contents

        def hit(place: int) -> Hit:
            i = kept[place]
            first, last = contents.spans[i].tolist()
            return Hit(
                contents.files[self._files[i]].path,
                first,
                last,
                contents.symbols[i],
                contents.texts[i],
                float(scores[place]),
                None if lexical is None else float(lexical[i]),
                None if semantic is None else float(semantic[i]),
            )

        order = best_first(scores, self._in_tests[self._files[kept]])
        return chosen(map(hit, order), n)
