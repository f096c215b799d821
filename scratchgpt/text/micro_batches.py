"""Texts of different lengths as micro-batches with a limited number of tokens."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.text.pairs.token_rows import TokenRows

# Attention computes narrower batches in another way, and then a text would have other bits.
NARROWEST = 4


def micro_batches(lengths: Array, tokens_per_batch: int) -> list[Array]:
    """Divide texts into micro-batches of similar lengths, from long to short.

    Parameters
    ----------
    lengths : int array (N,)
    tokens_per_batch : int
        Maximum number of positions of a micro-batch, with padding. A longer text is alone.

    Returns
    -------
    list of int arrays
        The indices of the texts of each micro-batch; together, each index once.

    Examples
    --------
    >>> micro_batches(np.array([5, 9, 6, 6, 8]), tokens_per_batch=12)
    [array([1]), array([4]), array([2, 3]), array([0])]
    """
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        width = max(int(lengths[order[start]]), NARROWEST)
        stop = start + max(1, tokens_per_batch // width)
        batches.append(order[start:stop])
        start = stop
    return batches


def pad_rows(rows: TokenRows | Sequence[Array], indices: Array, widest: int) -> tuple[Array, Array]:
    """Stack rows of tokens: int64 (B, T), with zeros as padding, and their lengths (B,).

    T is the length of the longest row, and at least 4 if the model's ``widest`` allows it.
    """
    some = [rows[int(i)] for i in indices]
    lengths = np.array([len(row) for row in some], np.int64)
    width = max(int(lengths.max(initial=0)), min(NARROWEST, widest))
    tokens = np.zeros((len(some), width), np.int64)
    for line, row in zip(tokens, some, strict=True):
        line[: len(row)] = row
    return tokens, lengths
