"""Batches of rows of about the same length, with a limited number of positions."""

from collections.abc import Iterator

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.text.batches import middles


class LengthBatches:
    """Divides rows of different widths into batches, as in section 5.1 of arXiv:1706.03762.

    In each epoch, all rows are shuffled and sorted by width. A batch ends when another row would
    make its number of positions larger than ``tokens_per_batch``. The sorted widths are the same in
    every epoch, and so are the sizes of the batches. Their order is shuffled in each epoch.

    Parameters
    ----------
    widths : int array (N,)
        Positions that each row takes, each from 1 to ``tokens_per_batch``.
    tokens_per_batch : int
    seed : int

    Examples
    --------
    >>> batches = LengthBatches(np.array([2, 5, 3, 2]), tokens_per_batch=6, seed=0)
    >>> len(batches), [rows.tolist() for rows in batches.some_rows(3)]
    (3, [[0, 3], [2], [1]])
    """

    def __init__(self, widths: Array, tokens_per_batch: int, seed: int) -> None:
        self.widths = widths
        self.seed = seed
        self._cuts = _find_cuts(np.sort(widths), tokens_per_batch)
        self._epoch: tuple[int, list[Array]] | None = None

    def __len__(self) -> int:
        """The number of batches of an epoch, which has each row once."""
        return len(self._cuts) - 1

    def rows(self, index: int) -> Array:
        """Return the rows of a training batch, a function of ``index`` and the seed alone."""
        epoch, place = divmod(index, len(self))
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, self._epoch_batches(epoch)
        return self._epoch[1][place]

    def some_rows(self, n: int) -> Iterator[Array]:
        """Iterate over the rows of ``n`` batches by rising width, evenly spread over all widths."""
        batches = np.split(np.argsort(self.widths, kind="stable"), self._cuts[1:-1])
        for i in middles(len(batches), n):
            yield batches[i]

    def _epoch_batches(self, epoch: int) -> list[Array]:
        """Return the rows of each batch of an epoch, in the order of training."""
        rng = random_stream(self.seed, "epoch", epoch)
        order = rng.permutation(len(self.widths))
        order = order[np.argsort(self.widths[order], kind="stable")]
        batches = np.split(order, self._cuts[1:-1])
        return [batches[i] for i in rng.permutation(len(batches))]


def _find_cuts(widths: Array, tokens_per_batch: int) -> list[int]:
    """Find the boundaries of the batches of sorted rows, from 0 to the number of rows."""
    cuts = [0]
    while cuts[-1] < len(widths):
        # Sizes of the batches that start here and end with each of the rows that could fit.
        most = tokens_per_batch // widths[cuts[-1]]
        coming = widths[cuts[-1] : cuts[-1] + most]
        sizes = coming * np.arange(1, len(coming) + 1)
        cuts.append(cuts[-1] + int(np.searchsorted(sizes, tokens_per_batch, "right")))
    return cuts
