"""Batches of token windows and their next tokens, for training a language model."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import check_whole, plain
from scratchgpt.backend import Array, random_stream
from scratchgpt.errors import UserError, counted
from scratchgpt.text.corpora.shards import TokenStream


class TokenBatch(NamedTuple):
    """Rows of tokens, and the token that follows each.

    Attributes
    ----------
    tokens, targets : int64 arrays (B, T)
        A target of -100 does not count.
    """

    tokens: Array
    targets: Array


class TokenBatches:
    """Batches of windows of a corpus, as int64 arrays (B, T): tokens and next tokens.

    Parameters
    ----------
    train, val : TokenStream
        The training part and the validation part of the corpus, each longer than a block.
    block_size : int
        Number of tokens in a window.
    batch_size : int
        Number of windows in a batch.
    seed : int
        The random seed for the training windows.
    val_batches : int, optional
        Maximum number of validation batches, with evenly spaced windows; by default, all windows
        of ``val`` are used.

    Raises
    ------
    UserError
        If a part is shorter than one window, or a size is below 1.

    Examples
    --------
    >>> text = TokenStream([np.arange(100)])
    >>> batches = TokenBatches(
    ...     text.slice(0, 80), text.slice(80, 100), block_size=4, batch_size=2, seed=0
    ... )
    >>> tokens, targets = batches.train_batch(0)
    >>> tokens.shape, bool((targets == tokens + 1).all())
    ((2, 4), True)
    >>> [tokens.shape for tokens, _ in batches.validation_batches()]
    [(2, 4), (2, 4), (1, 3)]
    """

    def __init__(
        self,
        train: TokenStream,
        val: TokenStream,
        *,
        block_size: int,
        batch_size: int,
        seed: int,
        val_batches: int | None = None,
    ) -> None:
        check_positive(block_size=block_size, batch_size=batch_size, val_batches=val_batches)
        block_size = plain(block_size)
        _check_length("training", train, block_size, "give more text")
        _check_length("validation", val, block_size, "give more text, a larger val_fraction")
        self.train = train
        self.val = val
        self.block_size = block_size
        self.batch_size = plain(batch_size)
        self.seed = plain(seed)
        self.val_batches = plain(val_batches)

    def train_batch(self, index: int) -> TokenBatch:
        """Windows at random places, each place as probable as any other (nanoGPT's way)."""
        rng = random_stream(self.seed, "train batch", index)
        starts = rng.integers(0, len(self.train) - self.block_size, self.batch_size)
        return _windows_at(self.train, starts, self.block_size)

    def validation_batches(self) -> Iterator[TokenBatch]:
        """All windows of the validation part, or ``val_batches`` batches of them."""
        if self.val_batches is None:
            return windows(self.val, self.block_size, self.batch_size)
        return self.some_validation_batches(self.val_batches)

    def some_validation_batches(self, n: int) -> Iterator[TokenBatch]:
        """At most ``n`` batches of evenly spaced windows of the validation part."""
        chosen = evenly_spread((len(self.val) - 1) // self.block_size, n * self.batch_size)
        for first in range(0, len(chosen), self.batch_size):
            starts = chosen[first : first + self.batch_size] * self.block_size
            yield _windows_at(self.val, starts, self.block_size)


def windows(tokens: TokenStream, block_size: int, batch_size: int) -> Iterator[TokenBatch]:
    """All of a stream as windows that do not overlap: every token but the first is a target once.

    Parameters
    ----------
    tokens : TokenStream
    block_size, batch_size : int
        The maximum of T and B.

    Yields
    ------
    tokens, targets : int64 arrays (B, T)
        The remainder at the end is a batch of one shorter window.

    Raises
    ------
    UserError
        If there is no token to predict.
    """
    if len(tokens) < 2:
        has = counted(len(tokens), "token")
        raise UserError(f"the text has {has}, but 2 are needed; give more text")
    n_targets = len(tokens) - 1
    n_windows = n_targets // block_size
    for first in range(0, n_windows, batch_size):
        n = min(batch_size, n_windows - first)
        run = tokens.read(first * block_size, n * block_size + 1)
        yield TokenBatch(run[:-1].reshape(n, block_size), run[1:].reshape(n, block_size))
    if n_left := n_targets % block_size:
        run = tokens.read(n_windows * block_size, n_left + 1)
        yield TokenBatch(run[None, :-1], run[None, 1:])


def evenly_spread(n: int, most: int) -> Array:
    """Choose at most ``most`` evenly spaced numbers below ``n``, in order: (min(n, most),)."""
    most = min(n, most)
    return np.arange(most) * n // most


def middles(n: int, most: int) -> Array:
    """Choose the middles of at most ``most`` equal parts of the numbers below ``n``, in order.

    If the numbers are ordered, for example by length, the chosen ones have no bias to either end.
    """
    most = min(n, most)
    return (2 * np.arange(most) + 1) * n // (2 * most)


def check_positive(**sizes: int | None) -> None:
    """Raise UserError for a size below 1; None means that a size is not given."""
    for name, size in sizes.items():
        if size is not None and check_whole(name, size) < 1:
            raise UserError(f"{name}={size} must be at least 1")


def _windows_at(tokens: TokenStream, starts: Array, block_size: int) -> TokenBatch:
    """Tokens and targets, contiguous arrays (B, T), of windows that start anywhere."""
    rows = np.stack([tokens.read(start, block_size + 1) for start in starts.tolist()])
    return TokenBatch(np.ascontiguousarray(rows[:, :-1]), np.ascontiguousarray(rows[:, 1:]))


def _check_length(part: str, tokens: TokenStream, block_size: int, way_out: str) -> None:
    if len(tokens) > block_size:
        return
    smaller = f", or choose block_size={len(tokens) - 1} or less" if len(tokens) > 1 else ""
    raise UserError(
        f"the {part} part of the corpus has {counted(len(tokens), 'token')}, but "
        f"block_size={block_size} needs at least {block_size + 1}; {way_out}{smaller}"
    )
