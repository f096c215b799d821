"""The result of classifying a text, from one number per label."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from scratchgpt.backend import Array


class Classification(TypedDict):
    """The scores of the labels of one text.

    Attributes
    ----------
    sequence : str
        The text.
    labels : list of str
        All labels, the best first.
    scores : list of float
        The score of each, from 0 to 1.
    ties : list of list of str
        The labels of each group with equal evidence, in the order in which they were given; empty
        if all differ.
    """

    sequence: str
    labels: list[str]
    scores: list[float]
    ties: list[list[str]]


def softmax(logits: Array) -> Array:
    """logits (..., L) -> probabilities (..., L) that sum to 1, in float64"""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p: Array = shifted / shifted.sum(axis=-1, keepdims=True)
    return p


def sigmoid(logits: Array) -> Array:
    """Return the softmax of (0, logit) for each logit: its second probability."""
    small = np.exp(-np.abs(logits))
    p: Array = np.where(logits >= 0, 1, small) / (1 + small)
    return p


def classification(text: str, names: Sequence[str], logits: Array, scores: Array) -> Classification:
    """Sort labels by their logits; equal labels keep their order.

    Parameters
    ----------
    text : str
    names : sequence of str
        In the order in which the user gave them.
    logits, scores : array (L,)
        The logits decide, because scores of 0 or 1 may be equal only after rounding.
    """
    order = np.argsort(-logits, kind="stable")
    groups: list[list[int]] = []
    for i in order:
        if groups and logits[groups[-1][0]] == logits[i]:
            groups[-1].append(i)
        else:
            groups.append([i])
    return {
        "sequence": text,
        "labels": [names[i] for i in order],
        "scores": scores[order].tolist(),
        "ties": [[names[i] for i in group] for group in groups if len(group) > 1],
    }


def best_labels(
    result: Classification, *, threshold: float = 0.0, multi_label: bool = False
) -> list[str]:
    """Return the answer for a text: the best label, or all labels if there may be several.

    Parameters
    ----------
    result : Classification
    threshold : float
        Labels with a lower score are left out, so the answer may be empty: none of them.
    multi_label : bool
        Whether to return all labels that reach the threshold.

    Examples
    --------
    >>> scores = {"labels": ["sports", "war"], "scores": [0.7, 0.3], "ties": []}
    >>> result = {"sequence": "a goal", **scores}
    >>> best_labels(result), best_labels(result, threshold=0.9)
    (['sports'], [])
    """
    labels = zip(result["labels"], result["scores"], strict=True)
    reached = [label for label, score in labels if score >= threshold]
    return reached if multi_label else reached[:1]
