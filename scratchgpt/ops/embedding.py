"""Embedding lookup y = W[tokens], and its backward, a scatter-add."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.accumulator import Into, take
from scratchgpt.backend import (
    Array,
    as_rows,
    check_arrays,
    check_upstream,
    on_host,
    to_device_of,
    use_cuda,
    use_kernels,
)
from scratchgpt.memory import empty
from scratchgpt.ops.observe import observed


class EmbeddingSaved(NamedTuple):
    tokens: Array  # (...) integers
    weight: Array  # (V, C)


@observed
def embedding_forward(
    tokens: Array, weight: Array, *, in_range: bool = False
) -> tuple[Array, EmbeddingSaved]:
    """Look up the rows of ``weight`` at the indices ``tokens``.

    Parameters
    ----------
    tokens : integer array (...)
        Values from 0 to V - 1.
    weight : array (V, C)
    in_range : bool
        Whether the tokens are known to be valid. They are not checked then, which on a GPU would
        wait for them.

    Returns
    -------
    y : array (..., C)
    saved : EmbeddingSaved

    Raises
    ------
    TypeError
        If the tokens are not integers, or the weight is not a floating-point array.
    ValueError
        If a token is outside the vocabulary, or the weight is not a matrix.
    """
    check_arrays("embedding", weight=weight)
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight is {weight.shape}; it must be (V, C)")
    if not in_range:
        check_tokens(tokens, vocab_size=weight.shape[0])
    tokens = to_device_of(weight, tokens)
    y = empty((*tokens.shape, weight.shape[1]), like=weight)
    # All tokens are in range at this point; NumPy's other modes would copy the output again.
    mode: dict[str, Any] = {"mode": "clip"} if on_host(weight) else {}  # CuPy has no mode
    weight.take(tokens, axis=0, out=y, **mode)
    return y, EmbeddingSaved(tokens, weight)


@observed
def embedding_backward(
    dy: Array, saved: EmbeddingSaved, *, dweight_into: Into = None
) -> Array | None:
    r"""Gradient of :func:`embedding_forward` with respect to ``weight``.

    If a row was looked up several times, its gradient is the sum over all lookups:

    .. math:: dW_v = \sum_{i\,:\,t_i = v} dy_i

    (``dweight[tokens] += dy`` would keep only the last lookup.)

    Parameters
    ----------
    dy : array (..., C)
    saved : EmbeddingSaved
    dweight_into : array (V, C) or Accumulator, optional
        The gradient is added to this array. A lookup uses few of the rows, so adding a whole table
        of mostly zeros would be a waste. By default it is a new array.

    Returns
    -------
    dweight : array (V, C)
    """
    tokens, weight = saved
    check_upstream("embedding", dy, (*tokens.shape, weight.shape[1]))
    dweight, holds_sum = take(dweight_into, weight.shape, like=dy)
    if dweight is None:
        return None
    if not holds_sum:
        dweight[...] = 0
    if use_kernels(dy, dweight) and dy.size and dweight.flags.c_contiguous:
        from scratchgpt.kernels import embedding

        embedding.embedding_backward(tokens.reshape(-1), as_rows(dy), dweight)
        return dweight

    if use_cuda(dy, dweight):
        from scratchgpt.kernels.cuda import parameters

        parameters.embedding_backward(tokens.reshape(-1), as_rows(dy), dweight)
        return dweight

    np.add.at(dweight, tokens.reshape(-1), as_rows(dy))
    return dweight


def check_tokens(
    tokens: Array, vocab_size: int, name: str = "token id", ignored: int | None = None
) -> None:
    """Check that token ids are integers within a vocabulary.

    Parameters
    ----------
    tokens : integer array (...)
        Values from 0 to ``vocab_size - 1``.
    vocab_size : int
    name : str
        What the ids are, for messages.
    ignored : int, optional
        Another value that is valid: that of positions to ignore.

    Raises
    ------
    TypeError
        If the ids are not an array of integers.
    ValueError
        If an id is outside the vocabulary.
    """
    if not hasattr(tokens, "dtype"):
        raise TypeError(f"{name}s must be an integer array, got a {type(tokens).__name__}")
    if tokens.dtype.kind not in "iu":
        raise TypeError(f"{name}s must be integers, got {tokens.dtype}")
    if tokens.size == 0 or (tokens.min() >= 0 and tokens.max() < vocab_size):
        return
    outside = (tokens < 0) | (tokens >= vocab_size)
    if ignored is not None:
        outside &= tokens != ignored
    if not outside.any():
        return
    index = tuple(int(i) for i in np.argwhere(outside)[0])
    also = "" if ignored is None else f"; positions to ignore are {ignored}"
    raise ValueError(
        f"{name} {tokens[index]} at position {index} is outside the vocabulary "
        f"(0 to {vocab_size - 1}){also}"
    )


def check_token_rows(name: str, tokens: Array, *, may_be_empty: bool = False) -> None:
    """Check that the token ids given to a model are an integer array (B, T).

    Raises
    ------
    TypeError
        If the ids are not an array of integers.
    ValueError
        If they do not have two axes; or there are none, unless ``may_be_empty``.
    """
    if not hasattr(tokens, "dtype"):
        raise TypeError(
            f"{name} is a {type(tokens).__name__}; pass an integer array (B, T), np.array({name})"
        )
    if tokens.dtype.kind not in "iu":
        raise TypeError(f"{name}: token ids must be integers, got {tokens.dtype}")
    if tokens.ndim != 2:
        hint = f"; for one text, pass {name}[None]" if tokens.ndim == 1 else ""
        raise ValueError(f"{name} is {tokens.shape}; it must be (B, T){hint}")
    if tokens.size == 0 and not may_be_empty:
        raise ValueError(f"{name} is {tokens.shape} and has no tokens; give at least one")
