"""One token of each text through the model: compiled where there are kernels for it."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.layers import KVCache
from scratchgpt.memory import Arena
from scratchgpt.models import GPT

# In the order of scratchgpt.kernels.decode's table of offsets.
BLOCK_PARAMETERS = (
    *("ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias"),
    *("attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight", "ln_2.bias"),
    *("mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias"),
)
END_PARAMETERS = ("wte.weight", "wpe.weight", "ln_f.weight", "ln_f.bias")
ACTIVATIONS = {"gelu_tanh": 2, "gelu": 3, "relu": 4}


class TokenStep:
    """``step(tokens, cache)`` is ``model.extend(tokens[:, None], cache)``, faster where it can be.

    With kernels a token is one compiled call over buffers that are made once; see
    :mod:`scratchgpt.kernels.decode`.

    Parameters
    ----------
    model : GPT
    """

    def __init__(self, model: GPT) -> None:
        self.model = model
        self._arena = Arena()
        self._buffers: list[Array] = []

    def __call__(self, tokens: Array, cache: KVCache) -> Array:
        """tokens (B,) -> logits (B, V), a new array; the cache grows by a position.

        Raises
        ------
        ValueError
            If a text would be longer than block_size.
        """
        model = self.model
        if not use_kernels(model.store.values, cache.keys):
            with self._arena:
                return model.extend(tokens[:, None], cache).copy()
        if cache.lengths.max() >= model.config.block_size:
            raise ValueError(
                f"{cache.lengths.max() + 1} tokens are more than the model's block_size of "
                f"{model.config.block_size}"
            )
        from scratchgpt.kernels.decode import decode_token

        c = model.config
        values, none = model.store.values, np.empty(0, np.float32)
        offsets, ends = self._offsets()
        logits = np.empty((len(tokens), c.vocab_size), np.float32)
        decode_token(
            tokens.astype(np.int64, copy=False),
            cache.lengths,
            *(values, values, none),
            *(offsets, np.zeros((c.n_layer, 4), np.int64), ends, np.zeros(3, np.int64)),
            *(cache.keys, cache.values),
            *self._take_buffers(len(tokens)),
            logits,
            np.float32(c.layer_norm_epsilon),
            ACTIVATIONS[c.activation],
            0 if c.norm_position == "pre" else 1,
        )
        cache.lengths += 1
        return logits

    def _offsets(self) -> tuple[Array, Array]:
        """Where parameters begin in the flat array: of the blocks (L, 12), of the ends (5,)."""
        store = self.model.store
        begin = {
            name: (parameter.value.ctypes.data - store.values.ctypes.data) // store.values.itemsize
            for name, parameter in store.named.items()
        }
        blocks = [
            [begin.get(f"transformer.h.{i}.{name}", -1) for name in BLOCK_PARAMETERS]
            for i in range(self.model.config.n_layer)
        ]
        ends = [begin.get(f"transformer.{name}", -1) for name in END_PARAMETERS]
        ends.append(begin.get("lm_head.weight", ends[0]))  # a tied head is the embedding's table
        return np.array(blocks), np.array(ends)

    def _take_buffers(self, n_batch: int) -> list[Any]:
        """x, its norm, qkv, the merged heads, the inner row, sums, and the scores of each head."""
        from scratchgpt.kernels.decode import PIECES

        if not self._buffers or len(self._buffers[0]) != n_batch:
            c = self.model.config
            widest = max(3 * c.n_embd, c.inner_size)
            widths = (c.n_embd, c.n_embd, 3 * c.n_embd, c.n_embd, c.inner_size)
            shapes = [(n_batch, width) for width in widths]
            shapes += [(PIECES, n_batch, widest), (n_batch * c.n_head, c.block_size)]
            self._buffers = [np.empty(shape, np.float32) for shape in shapes]
        return self._buffers
