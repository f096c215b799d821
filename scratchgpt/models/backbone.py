"""The body of a GPT: embeddings, blocks, and the last layer norm."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers import (
    Block,
    Dropout,
    Embedding,
    KVCache,
    Layer,
    LayerNorm,
    recompute_backward,
    recompute_forward,
    seed_for,
)
from scratchgpt.memory import empty_like, scope
from scratchgpt.models.config import GPTConfig
from scratchgpt.ops.dropout import DropoutSaved
from scratchgpt.ops.embedding import EmbeddingSaved
from scratchgpt.ops.layer_norm import LayerNormSaved


class BackboneSaved(NamedTuple):
    wte: EmbeddingSaved
    wpe: EmbeddingSaved
    drop: DropoutSaved
    h: list[Any]  # a BlockSaved or a RecomputeSaved for each block
    ln_f: LayerNormSaved | None
    recompute: bool


class Backbone(Layer):
    """Everything below the head: tokens (B, T) to one vector of channels for each (B, T, C)."""

    def __init__(self, config: GPTConfig) -> None:
        self.wte = Embedding(config.vocab_size, config.n_embd)
        self.wpe = Embedding(config.block_size, config.n_embd)
        self.drop = Dropout(config.dropout)
        # Each block adds twice to the residual stream; this keeps the variance of the sum.
        proj_std = 0.02 / (2 * config.n_layer) ** 0.5
        self.h = [
            Block(
                config.n_embd,
                config.n_head,
                config.inner_size,
                dropout=config.dropout,
                bias=config.bias,
                norm_position=config.norm_position,
                activation=config.activation,
                layer_norm_epsilon=config.layer_norm_epsilon,
                proj_std=proj_std,
                attention_scale=config.attention_scale(i),
            )
            for i in range(config.n_layer)
        ]
        self.ln_f = (
            LayerNorm(config.n_embd, bias=config.bias, eps=config.layer_norm_epsilon)
            if config.norm_position == "pre"
            else None
        )
        self.config = config

    def forward(
        self, tokens: Array, *, dropout_seed: int | None = None, recompute: bool = False
    ) -> tuple[Array, BackboneSaved]:
        """tokens (B, T) -> x (B, T, C)."""
        n_time = tokens.shape[1]
        if n_time > self.config.block_size:
            raise ValueError(
                f"{n_time} tokens are more than the model's block_size of {self.config.block_size}"
            )
        x, wte = self.wte.forward(tokens)  # (B, T, C)
        positions, wpe = self.wpe.forward(np.arange(n_time))  # (T, C)
        x += positions
        x, drop = self.drop.forward(x, seed_for(dropout_seed, "drop"))
        h: list[Any] = []
        for i, block in enumerate(self.h):
            seed = seed_for(dropout_seed, "h", i)
            forward = partial(recompute_forward, block) if recompute else block.forward
            x, saved = forward(x, dropout_seed=seed)
            h.append(saved)
        ln_f = None
        if self.ln_f:
            x, ln_f = self.ln_f.forward(x)
        return x, BackboneSaved(wte, wpe, drop, h, ln_f, recompute)

    def backward(self, dy: Array, saved: BackboneSaved) -> None:
        """dy (B, T, C); the gradients of all parameters are added, tokens have none."""
        dx = empty_like(dy)
        with scope():
            dx[...] = self.ln_f.backward(dy, saved.ln_f) if self.ln_f and saved.ln_f else dy
        for block, block_saved in zip(reversed(self.h), reversed(saved.h), strict=True):
            with scope():  # what one block's backward took is given back before the next
                if saved.recompute:
                    dx[...] = recompute_backward(block, dx, block_saved)
                else:
                    dx[...] = block.backward(dx, block_saved)
        dx = self.drop.backward(dx, saved.drop)
        self.wpe.backward(dx.sum(axis=0), saved.wpe)  # every row of the batch used them
        self.wte.backward(dx, saved.wte)

    def extend(self, tokens: Array, cache: KVCache) -> Array:
        """New tokens (B, T) after those in the cache -> x (B, T, C); see :meth:`GPT.extend`."""
        n_time = tokens.shape[1]
        positions = cache.lengths[:, None] + np.arange(n_time)  # (B, T)
        n_visible = int(positions.max()) + 1
        if n_visible > self.config.block_size:
            raise ValueError(
                f"{n_visible} tokens are more than the model's block_size of "
                f"{self.config.block_size}"
            )
        mask = np.arange(n_visible) <= positions[:, None, :, None]  # (B, 1, T, S)
        x = self.wte.forward(tokens)[0] + self.wpe.forward(positions)[0]
        for i, block in enumerate(self.h):
            with scope():  # nothing is saved, so one block's arrays are the next one's
                x[...] = block.extend(x, cache.layer(i, positions), mask)
        return self.ln_f.forward(x)[0] if self.ln_f else x
