"""Keys and values shared by several texts, such as search hypotheses with a common beginning."""

import math
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, array_module, use_kernels
from scratchgpt.ops.attention import attention_forward


class SharedLayer(NamedTuple):
    """Keys and values of one layer, and the assignment of texts to them.

    Attributes
    ----------
    keys, values : array (P, H, S, D)
        Keys and values of S positions in P places.
    places : int array (R, S)
        The place of each position of each of R texts; -1 for positions that are masked.
    first : int
        How many earlier positions the first new position may attend to. Each further new position
        may attend to one more.
    window : int, optional
        How many positions a new one may attend to, itself included; by default all.
    """

    keys: Array
    values: Array
    places: Array
    first: int
    window: int | None = None

    def write(self, k: Array, v: Array) -> None:
        """Store k and v (R, H, T, D) of the new positions: text r goes to place r."""
        new = slice(self.first, self.first + k.shape[2])
        self.keys[: len(k), :, new] = k
        self.values[: len(v), :, new] = v

    def attend(
        self, q: Array, y: Array, scale: float | None = None, soft_cap: float | None = None
    ) -> None:
        """Write the attention output of the queries q (R, H, T, D) to y (R, H, T, D)."""
        n_new, size = q.shape[2:]
        scale = 1 / math.sqrt(size) if scale is None else scale
        n_seen = min(self.first + n_new, self.keys.shape[2])
        places = self.places[:, :n_seen]
        if self._plain(q, soft_cap) and use_kernels(q, self.keys, self.values, y):
            from scratchgpt.kernels.decoding.shared_attention import attend

            attend(q, self.keys, self.values, places, self.first, scale, y)
            return
        xp = array_module(self.keys)
        positions = xp.arange(n_seen)
        # Two index arrays around a slice put their axes first: these are (R, S, H, D).
        keys, values = (x[np.maximum(places, 0), :, positions] for x in (self.keys, self.values))
        new = self.first + xp.arange(n_new)[:, None]
        before = positions <= new  # (T, S)
        if self.window is not None:
            before &= positions > new - self.window
        allowed = (places >= 0)[:, None, None, :] & before
        keys, values = keys.swapaxes(1, 2), values.swapaxes(1, 2)
        attention_forward(q, keys, values, mask=allowed, scale=scale, soft_cap=soft_cap, y_out=y)

    def _plain(self, q: Array, soft_cap: float | None) -> bool:
        """Whether the kernel computes this attention: no groups of heads, window or soft cap."""
        return soft_cap is None and self.window is None and q.shape[1] == self.keys.shape[1]
