"""Near copies of code: functions whose identifiers are almost the same."""

import re
from collections import Counter
from collections.abc import Sequence

_IDENTIFIER = re.compile(r"[^\W\d]\w*")

NEAR = 0.7


def identifiers(code: str) -> frozenset[str]:
    """Return the words of a code that are identifiers or keywords, or look like them."""
    return frozenset(_IDENTIFIER.findall(code))


class NearCopies:
    r"""Finds texts whose identifiers A are almost those of one of the given texts, B.

    The Jaccard similarity :math:`|A \cap B| / |A \cup B|` is above ``threshold``, t. Then more than
    t |B| identifiers of B are in A, so that A has one of any |B| - floor(t |B|) identifiers of B.
    The index has the rarest of them (prefix filter; Bayardo, Ma and Srikant 2007, "Scaling Up All
    Pairs Similarity Search").

    Parameters
    ----------
    texts : sequence of str
        The texts to compare with.
    threshold : float
    """

    def __init__(self, texts: Sequence[str], threshold: float = NEAR) -> None:
        self.threshold = threshold
        self._sets = [identifiers(text) for text in texts]
        counts = Counter(word for words in self._sets for word in words)
        self._index: dict[str, list[int]] = {}
        for i, words in enumerate(self._sets):
            rarest = sorted(words, key=lambda word: (counts[word], word))
            for word in rarest[: len(words) - int(threshold * len(words))]:
                self._index.setdefault(word, []).append(i)

    def find(self, text: str) -> int | None:
        """Return the index of the first given text that a text is a near copy of, or None."""
        words = identifiers(text)
        rare = self._index.keys() & words
        candidates = sorted({i for word in rare for i in self._index[word]})
        return next((i for i in candidates if self._is_near(words, self._sets[i])), None)

    def _is_near(self, one: frozenset[str], other: frozenset[str]) -> bool:
        smaller, larger = sorted((len(one), len(other)))
        if smaller <= self.threshold * larger:
            return False  # even if all identifiers of the smaller set are in the larger
        n_both = len(one & other)
        return n_both > self.threshold * (len(one) + len(other) - n_both)
