"""Which attributes made a model see a zebra."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.attributes.dap import DAP


class Evidence(NamedTuple):
    """What one attribute said about the pictures of a class.

    Attributes
    ----------
    attribute : str
    is_present : bool
        Whether the class has it.
    probability : float
        The mean probability that DAP gave to the attribute.
    evidence : float
        How much it spoke for the class and against the nearest other class, in nats per picture.
    """

    attribute: str
    is_present: bool
    probability: float
    evidence: float


def nearest_class(model: DAP, x: Array, s: Array, k: int) -> int:
    """Return the class with the highest mean score for examples x of class k, besides k."""
    mean = model.scores(x, s).mean(axis=0)
    mean[k] = -np.inf
    return int(mean.argmax())


def attribute_evidence(
    model: DAP, x: Array, s: Array, k: int, other: int, attributes: tuple[str, ...]
) -> list[Evidence]:
    """Return what each attribute said, the strongest evidence first.

    Parameters
    ----------
    model : DAP
    x : array (n, d)
        Features of examples of class k.
    s : array (K, m)
    k, other : int
        Rows of s: the class, and the one that it is compared with.
    attributes : tuple of str (m,)
    """
    probability = model.attribute_probabilities(x).mean(axis=0)
    evidence = model.evidence(x, s[k], s[other]).mean(axis=0)
    rows = [
        Evidence(name, bool(s[k, m]), float(probability[m]), float(evidence[m]))
        for m, name in enumerate(attributes)
    ]
    return sorted(rows, key=lambda row: -row.evidence)
