"""Keys and values that several texts share, as the hypotheses of a search share what they began."""

import math
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.ops.attention import attention_forward


class SharedLayer(NamedTuple):
    """Keys and values of one layer, and which of them belong to which text.

    Attributes
    ----------
    keys, values : array (P, H, S, D)
        Of S positions in P places.
    places : int array (R, S)
        In which place each position of each of R texts is; -1 where nobody may look.
    first : int
        How many positions every new one may look at, itself not counted; those after the first new
        one see one more each.
    """

    keys: Array
    values: Array
    places: Array
    first: int

    def write(self, k: Array, v: Array) -> None:
        """Put the new positions k and v (R, H, T, D) of text r into place r."""
        new = slice(self.first, self.first + k.shape[2])
        self.keys[: len(k), :, new] = k
        self.values[: len(v), :, new] = v

    def attend(self, q: Array, y: Array, scale: float | None = None) -> None:
        """Write to y what new positions see, q and y (R, H, T, D)."""
        n_new, size = q.shape[2:]
        scale = 1 / math.sqrt(size) if scale is None else scale
        n_seen = min(self.first + n_new, self.keys.shape[2])
        places = self.places[:, :n_seen]
        if use_kernels(q, self.keys, self.values, y):
            from scratchgpt.kernels.decoding.shared_attention import attend

            attend(q, self.keys, self.values, places, self.first, scale, y)
            return
        positions = np.arange(n_seen)
        # Two index arrays around a slice put their axes first: these are (R, S, H, D).
        keys, values = (x[np.maximum(places, 0), :, positions] for x in (self.keys, self.values))
        before = positions <= self.first + np.arange(n_new)[:, None]  # (T, S)
        allowed = (places >= 0)[:, None, None, :] & before
        keys, values = keys.swapaxes(1, 2), values.swapaxes(1, 2)
        attention_forward(q, keys, values, mask=allowed, scale=scale, y_out=y)
