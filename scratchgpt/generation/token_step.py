"""One decoding step of a model for generation, compiled if kernels are available."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array, on_host, to_host, use_kernels
from scratchgpt.errors import counted
from scratchgpt.layers import KVCache
from scratchgpt.memory import Arena
from scratchgpt.models import GPT, QuantizedGPT
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
        from scratchgpt.kernels.decoding.tables import supports

        if isinstance(self.model, GPT) and self.model.lora:
            return False  # the kernel reads the weights of plain layers
        return use_kernels(cache.keys, only=np.float32) and supports(self.model.config)

    def _run(
        self, tokens: Array, owners: Array, positions: Array, cache: KVCache, n_logits: int = 0
    ) -> Array:
        """Run the kernel on the rows (R,); return the logits, a buffer that is (R, V) or empty."""
        from scratchgpt.kernels.decoding.decode import decode_tokens
        from scratchgpt.kernels.decoding.tables import Texts

        n_tokens, n_cached = positions.max() + 1, cache.keys.shape[3]
        self.model.config.check_length(n_tokens)
        if n_tokens > n_cached:
            raise ValueError(
                f"{n_tokens} tokens are more than the {counted(n_cached, 'position')} of the "
                "cache; make a longer cache with new_cache"
            )
        check_tokens(tokens, self.model.config.vocab_size)
        if self._weights is None:
            self._weights = self._describe_weights()
        buffers = self._take_buffers(len(tokens), n_logits)
        tokens, owners, positions = (
            np.ascontiguousarray(x, np.int64) for x in (tokens, owners, positions)
        )
        texts = Texts(tokens, owners, positions, cache.keys, cache.values)
        decode_tokens(self._weights, texts, buffers)
        return buffers.logits

    def _describe_weights(self) -> Any:
        """Return the weights as :class:`scratchgpt.kernels.decoding.tables.Weights`."""
        from scratchgpt.kernels.decoding.tables import new_weights

        flat, c = self.model.flat_parameters(), self.model.config
        return new_weights(
            flat.floats,
            flat.weights,
            flat.scales,
            flat.begin,
            flat.scale_begin,
            attention_scales=[c.attention_scale(i) for i in range(c.n_layer)],
            eps=c.layer_norm_epsilon,
            activation=c.activation,
            norm_position=c.norm_position,
        )

    def _take_buffers(self, n_rows: int, n_logits: int) -> Any:
        """Return the :class:`scratchgpt.kernels.decoding.tables.Buffers`, reused if they fit."""
        from scratchgpt.kernels.decoding.tables import new_buffers

        fits = self._buffers is not None and len(self._buffers.x) == n_rows
        if not fits or len(self._buffers.logits) != n_logits:
            c = self.model.config
            self._buffers = new_buffers(
                n_rows,
                n_logits,
                n_embd=c.n_embd,
                n_inner=c.inner_size,
                n_head=c.n_head,
                block_size=c.block_size,
                vocab_size=c.vocab_size,
            )
        return self._buffers
