"""Token-by-token decoding of texts with a key-value cache."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.generation.token_step import TokenStep
from scratchgpt.models import GPT, QuantizedGPT


def window_start(length: int, block_size: int) -> int:
    """Return the start of the context window for a text of ``length`` tokens.

    The model has ``block_size`` learned absolute positions. A text that is longer must be encoded
    again from a later start, because no cached key or value is valid after the move. Moving by one
    token would cost a forward pass over a whole block for each token. Therefore the start moves by
    half a block: a forward pass over half a block for every half block of tokens, which is one
    extra position per token. In exchange, the model sees between half a block and a whole block,
    instead of always a whole block.

    The start depends only on the length. A text therefore continues in the same way whether it was
    generated in one call, in two calls, or given as a prompt.

    Returns
    -------
    start : int
        0 if the whole text fits; ``length - start`` is at least 1 and at most ``block_size``.
    """
    if length <= block_size:
        return 0
    jump = (block_size + 1) // 2
    return -(-(length - block_size) // jump) * jump


class Decoding:
    """A batch of texts of any lengths, one per row, that grow by one token at a time.

    Rows are independent: each row gets the same logits as if it were decoded alone, up to the
    rounding of matrix products of another size.

    Parameters
    ----------
    model : GPT or QuantizedGPT
    contexts : sequence of sequences of int
        Tokens before the first token that :meth:`advance` appends; may be empty.
    n_new : int, optional
        Maximum number of calls of :meth:`advance`. If it is given, the cache for short texts has
        only the positions that they need, not a whole block.

    Attributes
    ----------
    texts : list of lists of int
        All tokens of each row, including those before the context window.
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
            Logits of the next token, in the model's dtype; the next call may overwrite them.
        """
        self._encode_moved()
        for text, token in zip(self.texts, tokens, strict=True):
            text.append(int(token))
        return self._step(tokens, self._cache)

    def select(self, rows: Array) -> None:
        """Continue with the given rows; a row may be omitted, or selected more than once."""
        if np.array_equal(rows, np.arange(len(self.texts))):
            return
        self.texts = [list(self.texts[row]) for row in rows]
        self._starts = [self._starts[row] for row in rows]
        self._cache = self._cache.rows(rows)

    def _encode_moved(self) -> None:
        """Encode the texts again whose context window moves with the next token."""
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
