"""Batches of labeled examples."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import plain
from scratchgpt.backend import Array, random_stream
from scratchgpt.errors import UserError
from scratchgpt.text.batches import check_positive, middles
from scratchgpt.text.micro_batches import pad_rows


class LabeledBatch(NamedTuple):
    """Examples as tokens, with their labels.

    Attributes
    ----------
    tokens : int array (B, K, T)
        K sequences for each example; see :class:`scratchgpt.finetuning.InputRows`.
    lengths : int array (B, K)
        Number of tokens of each sequence.
    targets : array (B,)
        The number of the label or of the right choice; or a scaled score, in float64.
    """

    tokens: Array
    lengths: Array
    targets: Array


class LabeledRows(NamedTuple):
    """All examples of a part as tokens.

    Attributes
    ----------
    rows : list of list of int arrays
        K sequences for each of N examples.
    targets : array (N,)
        As in :class:`LabeledBatch`.
    """

    rows: Sequence[Sequence[Array]]
    targets: Array

    @property
    def fingerprint(self) -> str:
        """A hash of all tokens and targets."""
        digest = hashlib.sha256(self.targets.astype("<f8").tobytes())
        for example in self.rows:
            for row in example:
                digest.update(len(row).to_bytes(8, "little") + row.astype("<i8").tobytes())
        return digest.hexdigest()

    def batch(self, indices: Array, widest: int) -> LabeledBatch:
        """Return some examples, padded to the longest of them."""
        n_rows = len(self.rows[int(indices[0])])
        flat = [row for i in indices for row in self.rows[int(i)]]
        tokens, lengths = pad_rows(flat, np.arange(len(flat)), widest)
        shape = len(indices), n_rows
        return LabeledBatch(
            tokens.reshape(*shape, -1), lengths.reshape(shape), self.targets[indices]
        )


class LabeledBatches:
    """Batches of labeled examples, in a new random order in each epoch.

    The last batch of an epoch may be smaller.

    Parameters
    ----------
    train, val : LabeledRows
    block_size : int
        Longest sequence of the model.
    batch_size : int
        Number of examples of a batch.
    seed : int
    val_batches : int, optional
        Maximum number of validation batches; by default all.

    Raises
    ------
    UserError
        If a part is empty, or a size is below 1.
    """

    def __init__(
        self,
        train: LabeledRows,
        val: LabeledRows,
        *,
        block_size: int,
        batch_size: int,
        seed: int,
        val_batches: int | None = None,
    ) -> None:
        check_positive(block_size=block_size, batch_size=batch_size, val_batches=val_batches)
        for part, rows in (("training", train), ("validation", val)):
            if not len(rows.targets):
                raise UserError(f"the {part} part has no examples; give at least one")
        self.train = train
        self.val = val
        self.block_size = plain(block_size)
        self.batch_size = plain(batch_size)
        self.seed = plain(seed)
        self.val_batches = plain(val_batches)
        self._epoch: tuple[int, Array] | None = None

    @property
    def batches_per_epoch(self) -> int:
        return -(-len(self.train.targets) // self.batch_size)

    def train_batch(self, index: int) -> LabeledBatch:
        """The batch of a step, a function of ``index`` and the seed alone."""
        epoch, place = divmod(index, self.batches_per_epoch)
        if self._epoch is None or self._epoch[0] != epoch:
            order = random_stream(self.seed, "epoch", epoch).permutation(len(self.train.targets))
            self._epoch = epoch, order
        start = place * self.batch_size
        chosen = self._epoch[1][start : start + self.batch_size]
        return self.train.batch(chosen, self.block_size)

    def validation_batches(self) -> Iterator[LabeledBatch]:
        """All examples of the validation part, or ``val_batches`` batches of them."""
        return self.some_validation_batches(self.val_batches)

    def some_validation_batches(self, n: int | None) -> Iterator[LabeledBatch]:
        """At most ``n`` batches of examples, from all of the validation part."""
        n_val = len(self.val.targets)
        n_batches = -(-n_val // self.batch_size)
        for i in middles(n_batches, n_batches if n is None else n):
            indices = np.arange(i * self.batch_size, min((i + 1) * self.batch_size, n_val))
            yield self.val.batch(indices, self.block_size)
