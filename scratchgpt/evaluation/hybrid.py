"""Hybrid search: the sum of scores by words and scores by meaning, each standardized."""

import numpy as np

from scratchgpt.backend import Array


def hybrid_scores(lexical: Array, semantic: Array) -> Array:
    """Add two scores of the same documents after each is standardized.

    Each score is reduced by its mean over the documents and divided by its standard deviation, so
    the two have the same scale whatever their units. A score that is equal for all documents
    contributes 0.

    Parameters
    ----------
    lexical, semantic : array (..., N)
        Scores of N documents for one query, or for one query per row.

    Returns
    -------
    array (..., N) of float64

    Raises
    ------
    ValueError
        If the two shapes differ.

    Examples
    --------
    >>> hybrid_scores([0.0, 2.0], [7.0, 7.0]).tolist()
    [-1.0, 1.0]
    """
    lexical, semantic = np.asarray(lexical, np.float64), np.asarray(semantic, np.float64)
    if lexical.shape != semantic.shape:
        raise ValueError(f"the shapes differ: {lexical.shape} and {semantic.shape}")
    return standardized(lexical) + standardized(semantic)


def standardized(scores: Array) -> Array:
    """Return scores with mean 0 and standard deviation 1 over their last axis.

    Scores that are all equal become 0, and so does the score of a single document.
    """
    scores = np.asarray(scores, np.float64)
    if not scores.size:
        return scores
    centered = scores - scores.mean(-1, keepdims=True)
    deviation = np.sqrt((centered**2).mean(-1, keepdims=True))
    is_constant = np.ptp(scores, -1, keepdims=True) == 0
    return np.where(is_constant, 0.0, centered / np.where(is_constant, 1.0, deviation))
