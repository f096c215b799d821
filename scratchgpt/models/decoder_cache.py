"""What a decoder keeps while it writes: of its own texts, and of the memory that it looks at."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers import KVCache


class DecoderCache:
    """Keys and values of the texts so far, and of the memory, which are made once.

    A search writes ``n_beams`` texts, or hypotheses, for each sentence of the batch. Rows
    b n_beams to (b + 1) n_beams - 1 are those of sentence b; they share its memory.

    Parameters
    ----------
    texts : KVCache
        With B n_beams rows.
    keys, values : array (L, B, H, S, D)
        Of the memory, for each layer.
    key_padding_mask : bool array (B, S), optional
        True where the memory is padding.
    n_beams : int
    """

    def __init__(
        self,
        texts: KVCache,
        keys: Array,
        values: Array,
        key_padding_mask: Array | None,
        n_beams: int,
    ) -> None:
        self.texts = texts
        self.keys, self.values = keys, values
        self.key_padding_mask = key_padding_mask
        self.n_beams = n_beams

    def rows(self, rows: Array) -> "DecoderCache":
        """A cache of a choice of hypotheses (a copy).

        Parameters
        ----------
        rows : int array (B' n_beams,)
            Those of one sentence stay together.
        """
        owners = np.asarray(rows).reshape(-1, self.n_beams) // self.n_beams  # (B', n_beams)
        if (owners != owners[:, :1]).any():
            raise ValueError(f"rows {rows} mix hypotheses of different sentences")
        return self._choose(np.asarray(rows), owners[:, 0])

    def sentences(self, sentences: Array) -> "DecoderCache":
        """A cache of a choice of sentences with all their hypotheses (a copy)."""
        rows = np.asarray(sentences)[:, None] * self.n_beams + np.arange(self.n_beams)
        return self._choose(rows.reshape(-1), np.asarray(sentences))

    def _choose(self, rows: Array, sentences: Array) -> "DecoderCache":
        """Nothing is ever written to what belongs to a memory, so it is copied only to choose."""
        keys, values, mask = self.keys, self.values, self.key_padding_mask
        if not np.array_equal(sentences, np.arange(keys.shape[1])):
            keys, values = keys[:, sentences], values[:, sentences]
            mask = None if mask is None else mask[sentences]
        return DecoderCache(self.texts.rows(rows), keys, values, mask, self.n_beams)
