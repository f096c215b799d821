"""Batches of sentence pairs: pairs of about the same length together, padded to one length."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import plain
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.ops.cross_entropy import IGNORE_INDEX
from scratchgpt.text.batches import check_positive
from scratchgpt.text.length_batches import LengthBatches
from scratchgpt.text.pairs.token_rows import TokenPairs


class PairBatch(NamedTuple):
    """Sentences, their translations, and the token that follows each token of those.

    Attributes
    ----------
    source : int64 array (B, S)
    target, targets : int64 arrays (B, T)
        A target of -100 does not count.
    """

    source: Array
    target: Array
    targets: Array


class PairBatches:
    """Batches of pairs, as int64 arrays: source (B, S), target (B, T), targets (B, T).

    The source ends with ``end_of_text``, and the target starts with it. The targets are the next
    tokens of the target, ending with ``end_of_text``. Padding is ``padding`` in the source and
    target, and -100 in the targets, which the loss ignores.

    As in section 5.1 of Vaswani et al. 2017, arXiv:1706.03762, pairs of similar length share a
    batch. The width of a pair is the longer of its two sides. In each epoch, all pairs are shuffled
    and sorted by width. A batch ends when another pair would make B times S or B times T larger
    than ``tokens_per_batch``. The sorted widths are the same in every epoch, and so are the sizes
    of the batches: an epoch has ``batches_per_epoch`` batches. Their order is shuffled in each
    epoch.

    Parameters
    ----------
    train, val : TokenPairs
        At least one pair each.
    tokens_per_batch : int
        Maximum number of positions of the sources of a batch, and of its targets, with padding.
    seed : int
        The random seed for the training batches.
    end_of_text, padding : int
        The ids of the special tokens.
    val_batches : int, optional
        Maximum number of validation batches, evenly spread over all lengths; by default, all pairs
        of ``val`` are used.

    Raises
    ------
    UserError
        If a part has no pairs, a pair is longer than ``tokens_per_batch``, or a size is below 1.

    Examples
    --------
    >>> from scratchgpt.text import TokenRows
    >>> rows = TokenRows(np.array([5, 6, 7, 8, 9]), np.array([2, 3]))
    >>> pairs = TokenPairs(rows, rows)
    >>> batches = PairBatches(pairs, pairs, tokens_per_batch=8, seed=0, end_of_text=1, padding=0)
    >>> for array in batches.train_batch(0):
    ...     print(array)
    [[5 6 1 0]
     [7 8 9 1]]
    [[1 5 6 0]
     [1 7 8 9]]
    [[   5    6    1 -100]
     [   7    8    9    1]]
    """

    def __init__(
        self,
        train: TokenPairs,
        val: TokenPairs,
        *,
        tokens_per_batch: int,
        seed: int,
        end_of_text: int,
        padding: int,
        val_batches: int | None = None,
    ) -> None:
        check_positive(tokens_per_batch=tokens_per_batch, val_batches=val_batches)
        self.train = train
        self.val = val
        self.tokens_per_batch = plain(tokens_per_batch)
        self.seed = plain(seed)
        self.end_of_text = plain(end_of_text)
        self.padding = plain(padding)
        self.val_batches = plain(val_batches)
        self._train = self._batches("training", train)
        self._val = self._batches("validation", val)

    @property
    def batches_per_epoch(self) -> int:
        """The number of batches of an epoch, which has each training pair once."""
        return len(self._train)

    def train_batch(self, index: int) -> PairBatch:
        """The batch of a step, a function of ``index`` and the seed alone."""
        return self._arrays(self.train, self._train.rows(index))

    def validation_batches(self) -> Iterator[PairBatch]:
        """All pairs of the validation part by rising length, or ``val_batches`` batches of them."""
        return self.some_validation_batches(self.val_batches or len(self._val))

    def some_validation_batches(self, n: int) -> Iterator[PairBatch]:
        """At most ``n`` of the validation batches, from the middles of ``n`` ranges of lengths."""
        for rows in self._val.some_rows(n):
            yield self._arrays(self.val, rows)

    def _batches(self, part: str, pairs: TokenPairs) -> LengthBatches:
        if not len(pairs):
            raise UserError(f"the {part} part has no pairs; give more text or a larger block_size")
        widths = np.maximum(*pairs.widths)
        if widths.max() > self.tokens_per_batch:
            raise UserError(
                f"tokens_per_batch={self.tokens_per_batch} is too small for the {part} part, whose "
                f"longest sentence takes {widths.max()} positions; choose at least {widths.max()}"
            )
        return LengthBatches(widths, self.tokens_per_batch, self.seed)

    def _arrays(self, pairs: TokenPairs, rows: Array) -> PairBatch:
        source = pairs.source.padded(rows, end=self.end_of_text, padding=self.padding)  # (B, S)
        targets = pairs.target.padded(rows, end=self.end_of_text, padding=IGNORE_INDEX)  # (B, T)
        target = np.full_like(targets, self.end_of_text)
        target[:, 1:] = np.where(targets[:, 1:] == IGNORE_INDEX, self.padding, targets[:, :-1])
        return PairBatch(source, target, targets)
