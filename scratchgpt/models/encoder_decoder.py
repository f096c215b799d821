"""Encoder and decoder of a Transformer, which can also be used separately."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, array_module
from scratchgpt.layers import (
    CAUSAL,
    MLP,
    UNMASKED,
    Block,
    BlockStack,
    DecoderBlock,
    Embedding,
    InputEmbedding,
    InputEmbeddingSaved,
    Layer,
    LayerNorm,
    Masks,
    SelfAttention,
    StackSaved,
    seed_for,
)
from scratchgpt.layers.attention import split_heads
from scratchgpt.memory import scope, zeros
from scratchgpt.models.decoder_cache import DecoderCache
from scratchgpt.models.transformer_config import TransformerConfig
from scratchgpt.ops.embedding import check_token_rows


class EncoderSaved(NamedTuple):
    embedding: InputEmbeddingSaved
    stack: StackSaved


class TransformerEncoder(Layer):
    """Encoder: tokens (B, S) -> memory (B, S, C); each position attends to all others.

    Parameters
    ----------
    config : TransformerConfig
    """

    def __init__(self, config: TransformerConfig) -> None:
        self.embedding = _input_embedding(config, token_table(config, config.source_size))
        self.h = [_encoder_block(config) for _ in range(config.n_encoder_layer)]
        self.ln_f = _last_norm(config)
        self.stack = BlockStack(self.h, self.ln_f)
        self.config = config

    def forward(
        self,
        src: Array,
        *,
        masks: Masks = UNMASKED,
        dropout_seed: int | None = None,
        recompute: bool = False,
    ) -> tuple[Array, EncoderSaved]:
        """src (B, S) -> memory (B, S, C).

        Parameters
        ----------
        src : integer array (B, S)
        masks : Masks
            Masks of the self-attention; by default each position attends to all positions.
        dropout_seed : int, optional
            Random seed of the dropout mask; None disables dropout, as in evaluation.
        recompute : bool
            Save only the input of each block, and recompute the rest in the backward pass.
        """
        x, embedding = self.embedding.forward(src, seed_for(dropout_seed, "embedding"))  # 1
        x, stack = self.stack.forward(
            x, dropout_seed=dropout_seed, recompute=recompute, masks=masks
        )  # 2
        return x, EncoderSaved(embedding, stack)

    def backward(self, dmemory: Array, saved: EncoderSaved) -> None:
        """Add the gradients of all parameters, for an upstream gradient dmemory (B, S, C)."""
        dx = self.stack.backward(dmemory, saved.stack)  # undoes 2
        self.embedding.backward(dx, saved.embedding)  # 1


class DecoderSaved(NamedTuple):
    embedding: InputEmbeddingSaved
    stack: StackSaved
    memory: Array  # (B, S, C)


class TransformerDecoder(Layer):
    """Decoder: tokens (B, T) -> x (B, T, C); attends to earlier tokens and to a memory.

    Parameters
    ----------
    config : TransformerConfig
    wte : Embedding, optional
        The token embedding, if another layer shares it.
    """

    def __init__(self, config: TransformerConfig, wte: Embedding | None = None) -> None:
        self.embedding = _input_embedding(config, wte or token_table(config, config.vocab_size))
        settings = _block_settings(config)
        self.h = [DecoderBlock(**settings) for _ in range(config.n_decoder_layer)]
        self.ln_f = _last_norm(config)
        self.stack = BlockStack(self.h, self.ln_f)
        self.config = config

    def forward(
        self,
        tgt: Array,
        memory: Array,
        *,
        masks: Masks = CAUSAL,
        memory_masks: Masks = UNMASKED,
        dropout_seed: int | None = None,
        recompute: bool = False,
    ) -> tuple[Array, DecoderSaved]:
        """tgt (B, T) and memory (B, S, C) -> x (B, T, C).

        Parameters
        ----------
        tgt : integer array (B, T)
        memory : array (B, S, C)
        masks, memory_masks : Masks
            Masks of the self-attention and of the cross-attention.
        dropout_seed, recompute
            As in :meth:`TransformerEncoder.forward`.
        """
        x, embedding = self.embedding.forward(tgt, seed_for(dropout_seed, "embedding"))  # 1
        x, stack = self.stack.forward(
            x,
            memory,
            dropout_seed=dropout_seed,
            recompute=recompute,
            masks=masks,
            memory_masks=memory_masks,
        )  # 2
        return x, DecoderSaved(embedding, stack, memory)

    def backward(self, dy: Array, saved: DecoderSaved) -> Array:
        """Add the gradients of all parameters; dy (B, T, C) -> dmemory (B, S, C)."""
        dmemory = zeros(saved.memory.shape, like=dy)
        with scope():
            dx = self.stack.backward(dy, saved.stack, dmemory_into=dmemory)  # undoes 2
            self.embedding.backward(dx, saved.embedding)  # 1
        return dmemory

    def new_cache(
        self,
        memory: Array,
        key_padding_mask: Array | None,
        n_beams: int = 1,
        n_positions: int | None = None,
    ) -> DecoderCache:
        """Create a cache with the memory's keys and values; see :meth:`Transformer.new_cache`."""
        c, n_texts = self.config, len(memory) * n_beams
        n_positions = c.block_size if n_positions is None else n_positions

        def pair(*sizes: int) -> tuple[Array, Array]:
            shape = (c.n_decoder_layer, *sizes, c.head_size)
            xp = array_module(memory)
            return xp.empty(shape, memory.dtype), xp.empty(shape, memory.dtype)

        memory_keys, memory_values = pair(len(memory), c.n_head, memory.shape[1])
        for block, k, v in zip(self.h, memory_keys, memory_values, strict=True):
            k[...], v[...] = split_heads(block.cross.c_kv.forward(memory)[0], 2, c.n_head)
        texts = pair(n_texts, c.n_head, n_positions)
        return DecoderCache(*texts, memory_keys, memory_values, key_padding_mask)

    def extend(self, tokens: Array, cache: DecoderCache) -> Array:
        """Process new tokens (R, T) after those in the cache -> x (R, T, C)."""
        check_token_rows("tokens", tokens)
        n_new = tokens.shape[1]
        positions = cache.length + np.arange(n_new)  # (T,) on the host
        x, _ = self.embedding.forward(tokens, positions=positions)
        cache.grow(n_new)
        x = self.stack.extend(x, (cache.layer(i) for i in range(len(self.h))))
        cache.length += n_new
        return x


def token_table(config: TransformerConfig, vocab_size: int) -> Embedding:
    """Create token embeddings with variance 1 after scaling, also suited for a tied head."""
    return Embedding(vocab_size, config.n_embd, std=table_std(config))


def table_std(config: TransformerConfig) -> float:
    return float(config.n_embd**-0.5) if config.scale_embeddings else 0.02


def _input_embedding(config: TransformerConfig, wte: Embedding) -> InputEmbedding:
    return InputEmbedding(
        wte,
        config.block_size,
        dropout=config.dropout,
        scale=config.scale_embeddings,
        positions=config.positions,
    )


def _encoder_block(config: TransformerConfig) -> Block:
    settings: dict[str, Any] = {"bias": config.bias, "std": None, "proj_std": None}
    return Block(
        LayerNorm(config.n_embd, bias=config.bias, eps=config.layer_norm_epsilon),
        SelfAttention(config.n_embd, config.n_head, dropout=config.dropout, **settings),
        LayerNorm(config.n_embd, bias=config.bias, eps=config.layer_norm_epsilon),
        MLP(config.n_embd, config.inner_size, activation=config.activation, **settings),
        dropout=config.dropout,
        norm_position=config.norm_position,
    )


def _block_settings(config: TransformerConfig) -> dict[str, Any]:
    return {
        "n_embd": config.n_embd,
        "n_head": config.n_head,
        "n_inner": config.inner_size,
        "dropout": config.dropout,
        "bias": config.bias,
        "norm_position": config.norm_position,
        "activation": config.activation,
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "std": None,
        "proj_std": None,
    }


def _last_norm(config: TransformerConfig) -> LayerNorm | None:
    if config.norm_position == "post":
        return None
    return LayerNorm(config.n_embd, bias=config.bias, eps=config.layer_norm_epsilon)
