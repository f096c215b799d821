"""One decoding step of a model for generation, compiled if kernels are available."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array, on_host, to_host, use_kernels
from scratchgpt.errors import counted
from scratchgpt.layers import KVCache
from scratchgpt.memory import Arena
from scratchgpt.models import GPT, QuantizedGPT
from scratchgpt.models.backbone import new_rotary
from scratchgpt.ops.embedding import check_tokens

MOST_ROWS = 48  # tokens of a prompt; for longer ones, matrix-matrix products are faster


class TokenStep:
    """Decoding step: a faster ``model.extend(tokens[:, None], cache)``.

    With kernels, a token or a short prompt is one compiled call with buffers that are allocated
    once; see :mod:`scratchgpt.kernels.decoding.decode`. Without kernels it calls ``extend``.

    Parameters
    ----------
    model : GPT or QuantizedGPT
    """

    def __init__(self, model: GPT | QuantizedGPT) -> None:
        self.model = model
        self._arena = Arena()
        self._buffers: Any = None
        self._weights: Any = None
        self._n_positions = 0  # for which the weights have angles

    def __call__(self, tokens: Array, cache: KVCache) -> Array:
        """tokens (B,) -> logits (B, V), which the next call overwrites; the cache grows by one.

        Raises
        ------
        ValueError
            If a text would be longer than block_size, or a token is outside the vocabulary.
        """
        if not self._compiled(cache):
            with self._arena:
                logits = self.model.extend(tokens[:, None], cache)
                return logits.copy() if on_host(logits) else to_host(logits)
        owners, positions = np.arange(len(tokens)), cache.lengths
        logits = self._run(tokens, owners, positions, cache, n_logits=len(tokens))
        cache.lengths += 1
        return logits

    def absorb(self, tokens: Array, cache: KVCache, counts: Array) -> None:
        """Append the first ``counts`` (B,) of the tokens (B, T) to the texts, without logits.

        Raises
        ------
        ValueError
            For the same reasons as a step.
        """
        if not self._compiled(cache) or not 0 < counts.sum() <= MOST_ROWS:
            with self._arena:
                self.model.absorb(tokens, cache, counts)
            return
        owners, places = np.nonzero(np.arange(tokens.shape[1]) < counts[:, None])  # each (R,)
        self._run(tokens[owners, places], owners, cache.lengths[owners] + places, cache)
        cache.lengths += counts

    def _compiled(self, cache: KVCache) -> bool:
        if isinstance(self.model, GPT) and self.model.lora:
            return False  # the kernel reads the weights of plain layers
        return use_kernels(cache.keys, only=np.float32)

    def _run(
        self, tokens: Array, owners: Array, positions: Array, cache: KVCache, n_logits: int = 0
    ) -> Array:
        """Run the kernel on the rows (R,); return the logits, a buffer that is (R, V) or empty."""
        from scratchgpt.kernels.decoding.buffers import Texts
        from scratchgpt.kernels.decoding.decode import decode_tokens

        n_tokens, n_cached = positions.max() + 1, cache.keys.shape[3]
        self.model.config.check_length(n_tokens)
        if n_tokens > n_cached:
            raise ValueError(
                f"{n_tokens} tokens are more than the {counted(n_cached, 'position')} of the "
                "cache; make a longer cache with new_cache"
            )
        check_tokens(tokens, self.model.config.vocab_size)
        weights = self._take_weights(n_cached)
        buffers = self._take_buffers(len(tokens), n_logits, n_cached)
        tokens, owners, positions = (
            np.ascontiguousarray(x, np.int64) for x in (tokens, owners, positions)
        )
        texts = Texts(tokens, owners, positions, cache.keys, cache.values)
        decode_tokens(weights, texts, buffers)
        return buffers.logits

    def _take_weights(self, n_positions: int) -> Any:
        """Return the :class:`scratchgpt.kernels.decoding.tables.Weights`, with enough angles."""
        from scratchgpt.kernels.decoding.form import new_form
        from scratchgpt.kernels.decoding.tables import new_weights

        if n_positions > self._n_positions:
            flat, rotary = self.model.flat_parameters(), new_rotary(self.model.config)
            cos = sin = np.zeros((0, 0), np.float32)
            if rotary:
                rotation = rotary.at(np.arange(n_positions), like=flat.floats)
                cos, sin = rotation.cos, rotation.sin
            self._weights = new_weights(*flat, new_form(self.model.config, cos, sin))
            self._n_positions = n_positions
        return self._weights

    def _take_buffers(self, n_rows: int, n_logits: int, n_positions: int) -> Any:
        """Return the :class:`scratchgpt.kernels.decoding.buffers.Buffers`, reused if they fit."""
        from scratchgpt.kernels.decoding.buffers import new_buffers

        there = self._buffers
        fits = (
            there is not None
            and (len(there.x), len(there.logits)) == (n_rows, n_logits)
            and n_positions <= there.scores.shape[1]
        )
        if not fits:
            self._buffers = new_buffers(n_rows, n_logits, n_positions, self.model.config)
        return self._buffers
