"""The body of a GPT: embeddings, blocks and the final norm."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, array_module, to_device_of
from scratchgpt.layers import (
    MLP,
    Block,
    BlockStack,
    Dropout,
    Embedding,
    GatedMLP,
    KVCache,
    Layer,
    LayerNorm,
    QueryKey,
    RMSNorm,
    Rotary,
    Rotation,
    SelfAttention,
    StackSaved,
    seed_for,
)
from scratchgpt.layers.sublayer import Norm, NormSaved
from scratchgpt.models.config import GPTConfig
from scratchgpt.ops.dropout import DropoutSaved
from scratchgpt.ops.embedding import EmbeddingSaved, check_token_rows


class BackboneSaved(NamedTuple):
    wte: EmbeddingSaved
    wpe: EmbeddingSaved | None
    norm: NormSaved | None  # of the embeddings
    drop: DropoutSaved
    stack: StackSaved


class Backbone(Layer):
    """All layers of a GPT below the head: tokens (B, T) -> hidden states (B, T, C)."""

    def __init__(self, config: GPTConfig) -> None:
        self.wte = Embedding(config.vocab_size, config.n_embd)
        learned = config.positions == "learned"
        self.wpe = Embedding(config.block_size, config.n_embd) if learned else None
        self.ln_wte = _norm(config) if config.embedding_norm else None
        self.drop = Dropout(config.dropout)
        self.h = [gpt_block(config, i) for i in range(config.n_layer)]
        self.ln_f = _norm(config) if config.norm_position == "pre" else None
        self.stack = BlockStack(self.h, self.ln_f)
        self.rotary = None if learned else _rotary(config)
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
        wpe, norm = None, None
        if self.wpe:
            rows, wpe = self.wpe.forward(positions, in_range=True)  # (T, C) 2
            x += rows  # 3
        if self.ln_wte:
            x, norm = self.ln_wte.forward(x)  # 4
        x, drop = self.drop.forward(x, seed_for(dropout_seed, "drop"))  # 5
        rotation = self.rotary.at(positions, like=x) if self.rotary else None
        x, stack = self.stack.forward(
            x, dropout_seed=dropout_seed, recompute=recompute, rotation=rotation
        )  # 6
        return x, BackboneSaved(wte, wpe, norm, drop, stack)

    def backward(self, dy: Array, saved: BackboneSaved) -> None:
        """Add the gradients of all parameters, for an upstream gradient dy (B, T, C)."""
        dx = self.stack.backward(dy, saved.stack)  # undoes 6
        dx = self.drop.backward(dx, saved.drop)  # 5
        if self.ln_wte and saved.norm:
            dx = self.ln_wte.backward(dx, saved.norm)  # 4
        if self.wpe and saved.wpe:
            self.wpe.backward(
                dx.sum(axis=0), saved.wpe
            )  # 3 and 2: all rows of the batch share them
        self.wte.backward(dx, saved.wte)  # 3 and 1

    def extend(self, tokens: Array, cache: KVCache) -> Array:
        """Process new tokens (B, T) after those in the cache -> x (B, T, C); see GPT.extend."""
        check_token_rows("tokens", tokens)
        positions = cache.lengths[:, None] + np.arange(tokens.shape[1])  # (B, T) on the host
        self.config.check_length(int(positions.max()) + 1)
        x, rotation = self.embed(tokens, positions)
        places = to_device_of(cache.keys, positions)
        masks = cached_masks(positions, cache, self.config)
        caches = ([cache.layer(i, places, mask), rotation] for i, mask in enumerate(masks))
        return self.stack.extend(x, caches)

    def embed(self, tokens: Array, positions: Array) -> tuple[Array, Rotation | None]:
        """Return the input of the blocks for generation, and the rotation of the positions.

        Parameters
        ----------
        tokens : integer array (B, T)
        positions : integer array (T,) or (B, T)
            In host memory.
        """
        x = self.wte.forward(tokens)[0]
        if self.wpe:
            x = x + self.wpe.forward(to_device_of(x, positions), in_range=True)[0]
        if self.ln_wte:
            x = self.ln_wte.forward(x)[0]
        return x, self.rotary.at(positions, like=x) if self.rotary else None


def cached_masks(positions: Array, cache: KVCache, config: GPTConfig) -> list[Array]:
    """Return for each layer which cached positions the new ones (B, T) may attend to.

    Returns
    -------
    masks : list of bool array (B, 1, T, S)
        On the device of the cache.
    """
    n_visible = int(positions.max()) + 1
    new = to_device_of(cache.keys, positions)[:, None, :, None]
    old = array_module(cache.keys).arange(n_visible)
    seen = old <= new
    windows = [config.window(i) for i in range(config.n_layer)]
    masks = {None: seen} | {n: seen & (old > new - n) for n in set(windows) if n is not None}
    return [masks[n] for n in windows]


def gpt_block(config: GPTConfig, layer: int) -> Block:
    """Create the block of a layer, counted from 0."""
    # Each block adds to the residual stream twice; this keeps the variance of the sum.
    proj_std = 0.02 / (2 * config.n_layer) ** 0.5
    mlp = GatedMLP if config.gated_mlp else MLP
    return Block(
        _norm(config),
        SelfAttention(
            config.n_embd,
            config.n_head,
            dropout=config.dropout,
            bias=config.has_bias("qkv"),
            proj_std=proj_std,
            scale=config.attention_scale(layer),
            n_kv_head=config.n_kv_head,
            head_size=config.head_size,
            proj_bias=config.has_bias("proj"),
            query_key=_query_key(config),
            window=config.window(layer),
            soft_cap=config.attention_soft_cap,
        ),
        _norm(config),
        mlp(
            config.n_embd,
            config.inner_size,
            activation=config.activation,
            bias=config.has_bias("mlp"),
            proj_std=proj_std,
        ),
        dropout=config.dropout,
        norm_position=config.norm_position,
    )


def _norm(config: GPTConfig) -> Norm:
    if config.norm == "rms":
        return RMSNorm(config.n_embd, weight=config.norm_weight, eps=config.layer_norm_epsilon)
    return LayerNorm(config.n_embd, bias=config.bias, eps=config.layer_norm_epsilon)


def _query_key(config: GPTConfig) -> QueryKey:
    if config.qk_norm == "none":
        return QueryKey()
    return QueryKey(
        config.head_size,
        weight=config.norm_weight,
        eps=config.layer_norm_epsilon,
        rotate_first=config.qk_norm == "after_rotary",
    )


def _rotary(config: GPTConfig) -> Rotary:
    return Rotary(
        config.head_size,
        theta=config.rope_theta,
        scaling=config.rope_scaling,
        pairing=config.rope_pairing,
        reversed=config.rope_reversed,
    )
