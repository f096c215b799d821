"""Cache of a decoder during generation: keys and values of its texts and of the memory."""

import numpy as np

from scratchgpt.backend import Array, array_module, to_device_of
from scratchgpt.errors import counted
from scratchgpt.layers import SharedLayer


class DecoderCache:
    """Keys and values of the texts so far, and of the memory; those of the memory are constant.

    All texts grow together, so all have the same length. Each text begins with its own sentence.
    After :meth:`select`, several texts may continue the same text: they share the keys and values
    of their common beginning, which are never overwritten or copied.

    Parameters
    ----------
    keys, values : array (L, P, H, block, D)
        Keys and values of at most P texts.
    memory_keys, memory_values : array (L, B, H, S, D)
        Keys and values of the memory of each sentence.
    key_padding_mask : bool array (B, S), optional
        True for padding of the memory.

    Attributes
    ----------
    length : int
        Number of tokens of each text.
    places : int array (R, block)
        The place, 0 to P - 1, that contains each position of each text.
    memory_places : int array (R, S)
        The sentence of each text; -1 for padding of the memory.
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
        sentences = array_module(keys).arange(n_sentences)[:, None]
        self.places = np.repeat(sentences, keys.shape[3], axis=1)
        self.memory_places = np.repeat(sentences, n_source, axis=1)
        if key_padding_mask is not None:
            self.memory_places[to_device_of(keys, key_padding_mask)] = -1

    def select(self, rows: Array) -> None:
        """Continue with the given texts, int array (R',); a text may be selected repeatedly.

        Raises
        ------
        ValueError
            If the number of texts exceeds the size of the cache.
        """
        n_places = self.keys.shape[1]
        if len(rows) > n_places:
            raise ValueError(
                f"{len(rows)} texts are more than the cache's maximum of {n_places}; "
                "create one with a larger n_beams"
            )
        rows = to_device_of(self.places, rows)
        self.places, self.memory_places = self.places[rows], self.memory_places[rows]

    def layer(self, index: int) -> tuple[SharedLayer, SharedLayer]:
        """Return the keys and values of one layer, for the texts and for the memory."""
        memory = self.memory_keys[index], self.memory_values[index], self.memory_places
        return (
            SharedLayer(self.keys[index], self.values[index], self.places, self.length),
            SharedLayer(*memory, self.memory_places.shape[1]),
        )

    def grow(self, n_new: int) -> None:
        """Reserve new positions: text r writes its positions to place r."""
        n_positions = self.keys.shape[3]
        if self.length + n_new > n_positions:
            raise ValueError(
                f"{self.length + n_new} tokens are more than the "
                f"{counted(n_positions, 'position')} of the cache; create a longer one with "
                "new_cache"
            )
        new = slice(self.length, self.length + n_new)
        self.places[:, new] = array_module(self.places).arange(len(self.places))[:, None]
