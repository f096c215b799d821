"""The most frequent label, with which every accuracy has to be compared."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple


class Majority(NamedTuple):
    """The most frequent label.

    Attributes
    ----------
    label : str
    fraction : float
        The fraction of examples that have the label: the accuracy of always answering it.
    """

    label: str
    fraction: float


def majority(labels: Sequence[str]) -> Majority:
    """Return the most frequent label; of several, the one that occurs first.

    Raises
    ------
    ValueError
        If there are no labels.

    Examples
    --------
    >>> majority(["ham", "spam", "ham", "ham"])
    Majority(label='ham', fraction=0.75)
    """
    if not labels:
        raise ValueError("there are no labels to count")
    [(label, n)] = Counter(labels).most_common(1)
    return Majority(label, n / len(labels))
