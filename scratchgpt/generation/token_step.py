"""Tokens through the model, for generation: compiled where there are kernels for it."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.layers import KVCache
from scratchgpt.memory import Arena
from scratchgpt.models import GPT, QuantizedGPT
from scratchgpt.ops.embedding import check_tokens

# In the order of scratchgpt.kernels.decoding.decode's table of offsets.
BLOCK_PARAMETERS = (
    *("ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias"),
    *("attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight", "ln_2.bias"),
    *("mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"),
)
END_PARAMETERS = ("wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias")
ACTIVATIONS = {"gelu_tanh": 2, "gelu": 3, "relu": 4}


MOST_ROWS = 48  # of a prompt; with more, products of matrices are faster than sweeps over them


class TokenStep:
    """``step(tokens, cache)`` is ``model.extend(tokens[:, None], cache)``, faster where it can be.

    With kernels a token is one compiled call over buffers that are made once, and so is a short
    prompt; see :mod:`scratchgpt.kernels.decoding.decode`.

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
        """tokens (B,) -> logits (B, V), for the next call to write over; the cache grows by one.

        Raises
        ------
        ValueError
            If a text would be longer than block_size, or a token is outside the vocabulary.
        """
        if not use_kernels(cache.keys, only=np.float32):
            with self._arena:
                return self.model.extend(tokens[:, None], cache).copy()
        owners, positions = np.arange(len(tokens)), cache.lengths
        logits = self._run(tokens, owners, positions, cache, n_logits=len(tokens))
        cache.lengths += 1
        return logits

    def absorb(self, tokens: Array, cache: KVCache, counts: Array) -> None:
        """Append ``counts`` (B,) of the tokens (B, T) to the texts, whose next tokens are known.

        Raises
        ------
        ValueError
            As for a step.
        """
        if not use_kernels(cache.keys, only=np.float32) or not 0 < counts.sum() <= MOST_ROWS:
            with self._arena:
                self.model.absorb(tokens, cache, counts)
            return
        owners, places = np.nonzero(np.arange(tokens.shape[1]) < counts[:, None])  # each (R,)
        self._run(tokens[owners, places], owners, cache.lengths[owners] + places, cache)
        cache.lengths += counts

    def _run(
        self, tokens: Array, owners: Array, positions: Array, cache: KVCache, n_logits: int = 0
    ) -> Array:
        """Rows (R,) through the kernel; the logits are a buffer, (R, V) or without elements."""
        from scratchgpt.kernels.decoding.decode import Texts, decode_tokens

        n_tokens, n_cached = positions.max() + 1, cache.keys.shape[3]
        self.model.config.check_length(n_tokens)
        if n_tokens > n_cached:
            raise ValueError(
                f"{n_tokens} tokens are more than the {n_cached} positions of the cache; "
                "make a longer one with new_cache"
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
        """The model as :class:`scratchgpt.kernels.decoding.decode.Weights`."""
        from scratchgpt.kernels.decoding.decode import Weights

        model, flat = self.model, self.model.flat_parameters()

        def of_blocks(names: tuple[str, ...], begin: dict[str, int]) -> Array:
            layers = range(model.config.n_layer)
            return np.array(
                [[begin.get(f"transformer.h.{i}.{name}", -1) for name in names] for i in layers]
            )

        def of_ends(names: tuple[str, ...], begin: dict[str, int]) -> Array:
            offsets = [begin.get(f"transformer.{name}", -1) for name in names]
            # A tied head is the embedding's table.
            return np.array([*offsets, begin.get("lm_head.weight", offsets[0])])

        matrices = tuple(
            name
            for name in BLOCK_PARAMETERS
            if name.split(".")[1].startswith("c_") and name.endswith("weight")
        )
        c = model.config
        return Weights(
            *(flat.floats, flat.weights, flat.scales),
            *(of_blocks(BLOCK_PARAMETERS, flat.begin), of_blocks(matrices, flat.scale_begin)),
            *(of_ends(END_PARAMETERS, flat.begin), of_ends(END_PARAMETERS[:2], flat.scale_begin)),
            np.array([c.attention_scale(i) for i in range(c.n_layer)], np.float32),
            np.float32(c.layer_norm_epsilon),
            ACTIVATIONS[c.activation],
            0 if c.norm_position == "pre" else 1,
        )

    def _take_buffers(self, n_rows: int, n_logits: int) -> Any:
        """The :class:`scratchgpt.kernels.decoding.decode.Buffers` of the last call, if they fit."""
        from scratchgpt.kernels.decoding.decode import Buffers
        from scratchgpt.kernels.decoding.products import DOT_PIECES, SWEEP_PIECES

        fits = self._buffers is not None and len(self._buffers.x) == n_rows
        if not fits or len(self._buffers.logits) != n_logits:
            c = self.model.config
            pieces, widest = max(SWEEP_PIECES, DOT_PIECES), max(3 * c.n_embd, c.inner_size)
            widths = (c.n_embd, c.n_embd, 3 * c.n_embd, c.n_embd, c.inner_size)
            shapes: list[tuple[int, ...]] = [(n_rows, width) for width in widths]
            shapes += [(pieces, n_rows, widest), (n_rows * c.n_head, c.block_size)]
            shapes.append((n_logits, c.vocab_size))
            floats = [np.empty(shape, np.float32) for shape in shapes]
            x, n, qkv, merged, inner, sums, scores, logits = floats
            rounded = np.empty((n_rows, widest), np.int16)
            units = np.empty(n_rows, np.float32)
            self._buffers = Buffers(x, n, qkv, merged, inner, rounded, units, sums, scores, logits)
        return self._buffers
