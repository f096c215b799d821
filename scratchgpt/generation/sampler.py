"""Sampling of the next token of each text."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.generation.sampling import SamplingConfig, draw, probabilities


class Sampler:
    """Samples the next token of each row; tracks seen tokens if a repetition penalty is set.

    Parameters
    ----------
    sampling : SamplingConfig
    texts : sequence of sequences of int
        The tokens so far of each row.
    vocab_size : int
    """

    def __init__(
        self, sampling: SamplingConfig, texts: Sequence[Sequence[int]], vocab_size: int
    ) -> None:
        self.sampling = sampling
        self._seen: Array | None = None
        if sampling.repetition_penalty != 1:
            self._seen = np.zeros((len(texts), vocab_size), bool)
            for row, text in zip(self._seen, texts, strict=True):
                row[list(text)] = True

    def next_tokens(self, logits: Array, streams: list[np.random.Generator]) -> Array:
        """logits (B, V) -> tokens (B,)

        Raises
        ------
        UserError
            If a logit is NaN or infinite.
        """
        # If any logit is NaN, both the minimum and the maximum are NaN.
        if not (np.isfinite(logits.min()) and np.isfinite(logits.max())):
            raise UserError(
                "the model's logits are NaN or infinite: its weights are damaged, or its training "
                "diverged; use an earlier checkpoint"
            )
        if self.sampling.greedy and self._seen is None:
            return logits.argmax(axis=-1)
        p = probabilities(logits, self.sampling, self._seen)  # (B, V)
        tokens = draw(p, np.array([stream.random() for stream in streams]))
        if self._seen is not None:
            self._seen[np.arange(len(tokens)), tokens] = True
        return tokens

    def select(self, rows: Array) -> None:
        """Continue with the given rows."""
        if self._seen is not None:
            self._seen = self._seen[rows]
