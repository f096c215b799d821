"""Row look-up: y = W[tokens], and the scatter-add that is its backward."""

from typing import NamedTuple

import numpy as np

from scratchgpt.accumulator import Into, take
from scratchgpt.backend import Array, use_kernels
from scratchgpt.memory import empty
from scratchgpt.ops.observe import observed


class EmbeddingSaved(NamedTuple):
    tokens: Array  # (...) integers
    weight: Array  # (V, C)


@observed
def embedding_forward(tokens: Array, weight: Array) -> tuple[Array, EmbeddingSaved]:
    """The rows of ``weight`` that ``tokens`` name.

    Parameters
    ----------
    tokens : integer array (...)
        Values from 0 to V - 1.
    weight : array (V, C)

    Returns
    -------
    y : array (..., C)
    saved : EmbeddingSaved

    Raises
    ------
    TypeError
        If the tokens are not integers.
    ValueError
        If a token lies outside the vocabulary; says which and where.
    """
    check_tokens(tokens, vocab_size=weight.shape[0])
    y = empty((*tokens.shape, weight.shape[1]), like=weight)
    # All tokens are in range by now; the other modes of take would copy the output once more.
    np.take(weight, tokens, axis=0, out=y, mode="clip")
    return y, EmbeddingSaved(tokens, weight)


@observed
def embedding_backward(
    dy: Array, saved: EmbeddingSaved, *, dweight_into: Into = None
) -> Array | None:
    r"""Gradient of :func:`embedding_forward` with respect to ``weight``.

    A row that was looked up several times collects the gradient of each look-up:

    .. math:: dW_v = \sum_{i\,:\,t_i = v} dy_i

    (``dweight[tokens] += dy`` would keep only the last of them.)

    Parameters
    ----------
    dy : array (..., C)
    saved : EmbeddingSaved
    dweight_into : array (V, C) or Accumulator, optional
        The gradient is added to this. It touches few of the rows, so that adding a table that is
        mostly zeros would be a waste. By default it is a new array.

    Returns
    -------
    dweight : array (V, C)
    """
    tokens, weight = saved
    n_channels = weight.shape[1]
    dweight, holds_sum = take(dweight_into, weight.shape, like=dy)
    if dweight is None:
        return None
    if not holds_sum:
        dweight[...] = 0
    if use_kernels(dy, dweight) and dweight.flags.c_contiguous:
        from scratchgpt.kernels import embedding

        embedding.embedding_backward(tokens.reshape(-1), dy.reshape(-1, n_channels), dweight)
        return dweight

    np.add.at(dweight, tokens.reshape(-1), dy.reshape(-1, n_channels))
    return dweight


def check_tokens(tokens: Array, vocab_size: int) -> None:
    """Refuse token ids that are not integers from 0 to ``vocab_size - 1``."""
    if tokens.dtype.kind not in "iu":
        raise TypeError(f"token ids must be integers, got {tokens.dtype}")
    if tokens.size == 0 or (tokens.min() >= 0 and tokens.max() < vocab_size):
        return
    where = np.argwhere((tokens < 0) | (tokens >= vocab_size))[0]
    index = tuple(int(i) for i in where)
    raise ValueError(
        f"token id {tokens[index]} at position {index} is outside the vocabulary "
        f"(0 to {vocab_size - 1})"
    )
