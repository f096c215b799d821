"""The body of a GPT: embeddings, blocks and the final layer norm."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, array_module, to_device_of
from scratchgpt.layers import (
    Block,
    BlockStack,
    Dropout,
    Embedding,
    KVCache,
    Layer,
    LayerNorm,
    StackSaved,
    seed_for,
)
from scratchgpt.models.config import GPTConfig
from scratchgpt.ops.dropout import DropoutSaved
from scratchgpt.ops.embedding import EmbeddingSaved, check_token_rows


class BackboneSaved(NamedTuple):
    wte: EmbeddingSaved
    wpe: EmbeddingSaved
    drop: DropoutSaved
    stack: StackSaved


class Backbone(Layer):
    """All layers of a GPT below the head: tokens (B, T) -> hidden states (B, T, C)."""

    def __init__(self, config: GPTConfig) -> None:
        self.wte = Embedding(config.vocab_size, config.n_embd)
        self.wpe = Embedding(config.block_size, config.n_embd)
        self.drop = Dropout(config.dropout)
        # Each block adds to the residual stream twice; this keeps the variance of the sum.
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
        self.stack = BlockStack(self.h, self.ln_f)
        self.config = config

    def forward(
        self, tokens: Array, *, dropout_seed: int | None = None, recompute: bool = False
    ) -> tuple[Array, BackboneSaved]:
        """tokens (B, T) -> x (B, T, C)."""
        check_token_rows("tokens", tokens)
        n_time = tokens.shape[1]
        self.config.check_length(n_time)
        x, wte = self.wte.forward(tokens)  # (B, T, C) 1
        positions = array_module(x).arange(n_time)
        positions, wpe = self.wpe.forward(positions, in_range=True)  # (T, C) 2
        x += positions  # 3
        x, drop = self.drop.forward(x, seed_for(dropout_seed, "drop"))  # 4
        x, stack = self.stack.forward(x, dropout_seed=dropout_seed, recompute=recompute)  # 5
        return x, BackboneSaved(wte, wpe, drop, stack)

    def backward(self, dy: Array, saved: BackboneSaved) -> None:
        """Add the gradients of all parameters, for an upstream gradient dy (B, T, C)."""
        dx = self.stack.backward(dy, saved.stack)  # undoes 5
        dx = self.drop.backward(dx, saved.drop)  # 4
        self.wpe.backward(dx.sum(axis=0), saved.wpe)  # 3 and 2: all rows of the batch share them
        self.wte.backward(dx, saved.wte)  # 3 and 1

    def extend(self, tokens: Array, cache: KVCache) -> Array:
        """Process new tokens (B, T) after those in the cache -> x (B, T, C); see GPT.extend."""
        check_token_rows("tokens", tokens)
        n_time = tokens.shape[1]
        positions = cache.lengths[:, None] + np.arange(n_time)  # (B, T) on the host
        n_visible = int(positions.max()) + 1
        self.config.check_length(n_visible)
        positions = to_device_of(cache.keys, positions)
        xp = array_module(cache.keys)
        mask = xp.arange(n_visible) <= positions[:, None, :, None]  # (B, 1, T, S)
        x = self.wte.forward(tokens)[0] + self.wpe.forward(positions, in_range=True)[0]
        return self.stack.extend(x, ([cache.layer(i, positions, mask)] for i in range(len(self.h))))
