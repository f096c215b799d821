"""Texts that a model continues token by token, with their keys and values cached."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.generation.token_step import TokenStep
from scratchgpt.models import GPT, QuantizedGPT


def window_start(length: int, block_size: int) -> int:
    """Where the part of a text begins that the model sees, for a text of ``length`` tokens.

    The model knows ``block_size`` positions, learned and absolute, so a text that outgrows them
    must be encoded anew from a later start: no cached key or value survives the move. Moving by
    one token would cost a forward pass of a whole block for each token. So the start jumps by
    half a block: a pass of half a block, once in half a block of tokens, which is one more
    position for each token. The price is that the model sees between half a block and a whole
    one, instead of always a whole one.

    The start depends on the length alone. So a text goes on in the same way whether it was
    generated in one call, in two, or given as a prompt.

    Returns
    -------
    start : int
        0 as long as all fits; ``length - start`` is at least 1 and at most ``block_size``.
    """
    if length <= block_size:
        return 0
    jump = (block_size + 1) // 2
    return -(-(length - block_size) // jump) * jump


class Decoding:
    """Texts of any lengths, a row each, that grow by one token at a time.

    Rows do not see each other: each gets the logits that it would get alone, up to the rounding
    of matrix products of another size.

    Parameters
    ----------
    model : GPT or QuantizedGPT
    contexts : sequence of sequences of int
        What stands before the first token given to :meth:`advance`; may be empty.
    n_new : int, optional
        How often :meth:`advance` will be called at most, where that is known: then short texts
        get a cache for so many positions, not for a whole block.

    Attributes
    ----------
    texts : list of lists of int
        All tokens of each row, also those that the model no longer sees.
    """

    def __init__(
        self,
        model: GPT | QuantizedGPT,
        contexts: Sequence[Sequence[int]],
        n_new: int | None = None,
    ) -> None:
        self.model = model
        self.texts = [list(text) for text in contexts]
        n_block = model.config.block_size
        longest = max((len(text) for text in self.texts), default=0)
        self._n_positions = n_block if n_new is None else min(n_block, longest + n_new)
        self._cache = model.new_cache(len(self.texts), self._n_positions)
        self._starts = [-1] * len(self.texts)
        self._step = TokenStep(model)
        self._encode_moved()

    def advance(self, tokens: Array) -> Array:
        """Append a token to each text.

        Parameters
        ----------
        tokens : integer array (B,)

        Returns
        -------
        logits : array (B, V)
            Of the token that follows, in the model's dtype; the next call may write over them.
        """
        self._encode_moved()
        for text, token in zip(self.texts, tokens, strict=True):
            text.append(int(token))
        return self._step(tokens, self._cache)

    def select(self, rows: Array) -> None:
        """Go on with a choice of the rows; a row may be left out, or chosen more than once."""
        if np.array_equal(rows, np.arange(len(self.texts))):
            return
        self.texts = [list(self.texts[row]) for row in rows]
        self._starts = [self._starts[row] for row in rows]
        self._cache = self._cache.rows(rows)

    def _encode_moved(self) -> None:
        """Bring the cache to where the window of each text will start with its next token."""
        block_size = self.model.config.block_size
        starts = [window_start(len(text) + 1, block_size) for text in self.texts]
        rows = [row for row, start in enumerate(starts) if start != self._starts[row]]
        if not rows:
            return
        self._starts = starts
        windows = [self.texts[row][starts[row] :] for row in rows]
        counts = np.array([len(window) for window in windows])
        everything = len(rows) == len(self.texts)
        fresh = self.model.new_cache(len(rows), self._n_positions if everything else counts.max())
        if counts.any():
            tokens = np.zeros((len(rows), counts.max()), np.int64)  # padded on the right
            for padded, window in zip(tokens, windows, strict=True):
                padded[: len(window)] = window
            self._step.absorb(tokens, fresh, counts)
        if everything:
            self._cache = fresh
        else:
            self._cache.put(np.array(rows), fresh)
