"""Decoding of one text after another, without computing their common beginning again."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.generation.token_step import TokenStep
from scratchgpt.models import GPT, QuantizedGPT


class PrefixDecoding:
    """Decoding of one text at a time, which keeps the keys and values of the previous text.

    A text that begins like the previous one, as the next turn of a conversation does, computes only
    the positions after the common beginning. No text may be longer than ``block_size``.

    Parameters
    ----------
    model : GPT or QuantizedGPT
        Its weights must not change.

    Attributes
    ----------
    tokens : list of int
        The tokens whose keys and values are known.
    """

    def __init__(self, model: GPT | QuantizedGPT) -> None:
        self.tokens: list[int] = []
        self._cache = model.new_cache(1)
        self._step = TokenStep(model)

    def begin(self, tokens: Sequence[int]) -> tuple[Array, int]:
        """Start a text.

        Parameters
        ----------
        tokens : sequence of int
            At least one token.

        Returns
        -------
        logits : array (1, V)
            Logits of the next token; the next call may overwrite them.
        n_computed : int
            Number of positions that were computed, at least 1.
        """
        n_known = self.n_known(tokens)
        # This order leaves tokens and cache consistent if the computation is interrupted.
        del self.tokens[n_known:]
        self._cache.keep(n_known)
        rest = list(tokens[n_known:-1])
        if rest:
            self._step.absorb(np.array([rest]), self._cache, np.array([len(rest)]))
            self.tokens += rest
        return self.advance(tokens[-1]), len(rest) + 1

    def advance(self, token: int) -> Array:
        """Append a token; return the logits (1, V) of the next, which the next call overwrites."""
        self._cache.keep(len(self.tokens))
        logits = self._step(np.array([token]), self._cache)
        self.tokens.append(token)
        return logits

    def n_known(self, tokens: Sequence[int]) -> int:
        """Return the number of positions of a text that :meth:`begin` would not compute."""
        n = 0
        for mine, other in zip(self.tokens, tokens[:-1], strict=False):
            if mine != other:
                break
            n += 1
        return n
