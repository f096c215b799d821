"""What a decoder keeps while it writes: of its own texts, and of the memory that it looks at."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers import SharedLayer


class DecoderCache:
    """Keys and values of the texts so far, and of the memory, which are made once.

    Texts grow together, so all have the same length. Each begins with a sentence of its own, and
    :meth:`select` may have several go on from one: they share what they have in common, since
    nothing that was written is ever written over, or copied.

    Parameters
    ----------
    keys, values : array (L, P, H, block, D)
        Room for those of at most P texts.
    memory_keys, memory_values : array (L, B, H, S, D)
        Of the memory of each sentence.
    key_padding_mask : bool array (B, S), optional
        True where the memory is padding.

    Attributes
    ----------
    length : int
        Tokens of each text.
    places : int array (R, block)
        Which of the P places each position of each text is in.
    memory_places : int array (R, S)
        The sentence of each text; -1 where the memory is padding.
    """

    def __init__(
        self,
        keys: Array,
        values: Array,
        memory_keys: Array,
        memory_values: Array,
        key_padding_mask: Array | None,
    ) -> None:
        self.keys, self.values = keys, values
        self.memory_keys, self.memory_values = memory_keys, memory_values
        self.length = 0
        _, n_sentences, _, n_source, _ = memory_keys.shape
        sentences = np.arange(n_sentences)[:, None]
        self.places = np.repeat(sentences, keys.shape[3], axis=1)
        self.memory_places = np.repeat(sentences, n_source, axis=1)
        if key_padding_mask is not None:
            self.memory_places[key_padding_mask] = -1

    def select(self, rows: Array) -> None:
        """Go on with a choice of the texts, int array (R',); one may be chosen more than once.

        Raises
        ------
        ValueError
            If that were more texts than there is room for.
        """
        n_places = self.keys.shape[1]
        if len(rows) > n_places:
            raise ValueError(
                f"{len(rows)} texts are more than the {n_places} that the cache has room for; "
                "make one with more n_beams"
            )
        self.places, self.memory_places = self.places[rows], self.memory_places[rows]

    def layer(self, index: int) -> tuple[SharedLayer, SharedLayer]:
        """Texts and memory of one layer."""
        memory = self.memory_keys[index], self.memory_values[index], self.memory_places
        return (
            SharedLayer(self.keys[index], self.values[index], self.places, self.length),
            SharedLayer(*memory, self.memory_places.shape[1]),
        )

    def grow(self, n_new: int) -> None:
        """Make room for new positions: text r writes them in place r."""
        n_positions = self.keys.shape[3]
        if self.length + n_new > n_positions:
            raise ValueError(
                f"{self.length + n_new} tokens are more than the {n_positions} positions of the "
                "cache; make a longer one with new_cache"
            )
        new = slice(self.length, self.length + n_new)
        self.places[:, new] = np.arange(len(self.places))[:, None]
