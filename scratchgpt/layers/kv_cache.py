"""Cached keys and values of the positions that generation has already processed."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, array_module
from scratchgpt.ops.attention import attention_forward


class LayerCache(NamedTuple):
    """One layer's part of a :class:`KVCache`."""

    keys: Array  # (B, K, block, D)
    values: Array  # (B, K, block, D)
    positions: Array  # (B, T) indices of the new positions
    mask: Array  # (B, 1, T, S) bool: which of the first S positions each new one may attend to

    def write(self, k: Array, v: Array) -> None:
        """Store k and v of the new positions, each (B, K, T, D)."""
        rows = array_module(k).arange(len(self.positions))[:, None]  # (B, 1)
        # Two index arrays around a slice put their axes first: the left side is (B, T, K, D).
        self.keys[rows, :, self.positions] = k.swapaxes(1, 2)
        self.values[rows, :, self.positions] = v.swapaxes(1, 2)

    def visible(self) -> tuple[Array, Array]:
        """Return views of the keys and values that the mask covers, each (B, K, S, D)."""
        n_visible = self.mask.shape[-1]
        return self.keys[:, :, :n_visible], self.values[:, :, :n_visible]

    def attend(
        self, q: Array, y: Array, scale: float | None = None, soft_cap: float | None = None
    ) -> None:
        """Write the attention output of the queries q (B, H, T, D) to y (B, H, T, D)."""
        keys, values = self.visible()
        attention_forward(q, keys, values, mask=self.mask, scale=scale, soft_cap=soft_cap, y_out=y)


class KVCache:
    """Preallocated keys and values, so that each new token needs one position, not the whole text.

    Each row of the batch has its own length: row b contains positions 0 to ``lengths[b] - 1``.

    Parameters
    ----------
    n_layer, n_batch, n_head, block_size, head_size : int
        ``n_head`` is K, the number of key-value heads.
    dtype : dtype of the model
    like : array, optional
        Determines the array library of keys and values, by default NumPy.

    Attributes
    ----------
    keys, values : array (L, B, K, block, D)
    lengths : int array (B,)
        In host memory, because they decide what is computed.
    """

    def __init__(
        self,
        n_layer: int,
        n_batch: int,
        n_head: int,
        block_size: int,
        head_size: int,
        dtype: Any,
        like: Array | None = None,
    ) -> None:
        shape = (n_layer, n_batch, n_head, block_size, head_size)
        xp = np if like is None else array_module(like)
        self.keys = xp.zeros(shape, dtype)
        self.values = xp.zeros(shape, dtype)
        self.lengths = np.zeros(n_batch, np.int64)  # on the host

    def layer(self, index: int, positions: Array, mask: Array) -> LayerCache:
        """Return the cache of one layer, ready to write at ``positions`` (B, T)."""
        return LayerCache(self.keys[index], self.values[index], positions, mask)

    def keep(self, n: int) -> None:
        """Shorten every text to its first ``n`` positions; a shorter text does not change."""
        np.minimum(self.lengths, n, out=self.lengths)

    def rows(self, rows: Array) -> "KVCache":
        """Copy the given rows to a new cache, when rows finish or a search reorders them."""
        n_layer, _, n_head, block_size, head_size = self.keys.shape
        sizes = n_head, block_size, head_size
        chosen = KVCache(n_layer, len(rows), *sizes, self.keys.dtype, self.keys)
        filled = int(self.lengths[rows].max(initial=0))  # positions from here on are not copied
        for i, row in enumerate(rows):
            chosen.keys[:, i, :, :filled] = self.keys[:, row, :, :filled]
            chosen.values[:, i, :, :filled] = self.values[:, row, :, :filled]
        chosen.lengths = self.lengths[rows]
        return chosen

    def put(self, rows: Array, other: "KVCache") -> None:
        """Replace rows by the rows of another cache, which may be for shorter texts."""
        n_positions = other.keys.shape[3]
        for i, row in enumerate(rows):
            self.keys[:, row, :, :n_positions] = other.keys[:, i]
            self.values[:, row, :, :n_positions] = other.values[:, i]
        self.lengths[rows] = other.lengths
