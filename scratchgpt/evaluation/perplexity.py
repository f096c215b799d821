"""Perplexity and bits per byte of a model on a text."""

import math
import sys
from collections.abc import Iterable
from typing import NamedTuple

from scratchgpt.errors import UserError

_LARGEST_EXPONENT = math.log(sys.float_info.max)


class Perplexity(NamedTuple):
    """The scores of a model on a text; lower is better.

    Attributes
    ----------
    loss : float
        Mean cross-entropy, in nats per token.
    perplexity : float
        exp(loss).
    bits_per_byte : float
        Cross-entropy of the whole text in bits, divided by its bytes. It can be compared between
        tokenizers, because the number of bytes does not depend on how the text is tokenized.
    n_tokens, n_bytes : int
        Number of predicted tokens, and of their bytes.
    """

    loss: float
    perplexity: float
    bits_per_byte: float
    n_tokens: int
    n_bytes: int


def mean_loss(batches: Iterable[tuple[float, int]]) -> tuple[float, int]:
    """Average the losses of batches, weighted by their tokens.

    Parameters
    ----------
    batches : iterable of (float, int)
        For each batch, the mean loss of its tokens and their number.

    Returns
    -------
    loss : float
    n_tokens : int

    Examples
    --------
    >>> mean_loss([(2.0, 3), (1.0, 1)])
    (1.75, 4)
    """
    total, n_tokens = _totals(batches)
    return total / n_tokens, n_tokens


def perplexity(batches: Iterable[tuple[float, int]], n_bytes: int) -> Perplexity:
    """Compute loss, perplexity and bits per byte of a text from the losses of its batches.

    Parameters
    ----------
    batches : iterable of (float, int)
        As in :func:`mean_loss`, in nats.
    n_bytes : int
        Bytes of the predicted part of the text.

    Raises
    ------
    UserError
        If no token is predicted, or a loss is not finite.
    """
    total, n_tokens = _totals(batches)
    loss = total / n_tokens
    bits = total / math.log(2)
    if not n_bytes:
        raise UserError("the predicted part of the text has no bytes; give a longer text")
    perplexity = math.inf if loss > _LARGEST_EXPONENT else math.exp(loss)
    return Perplexity(loss, perplexity, bits / n_bytes, n_tokens, n_bytes)


def _totals(batches: Iterable[tuple[float, int]]) -> tuple[float, int]:
    total, n_tokens = 0.0, 0
    for loss, n in batches:
        total += loss * n
        n_tokens += n
    if not n_tokens:
        raise UserError("there is no token to predict: the first one is not; give a longer text")
    if not math.isfinite(total):
        raise UserError(f"the loss is {total}: weights of the model are not finite or too large")
    return total, n_tokens
