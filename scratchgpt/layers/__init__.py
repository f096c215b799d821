"""Layers: operations that own parameters, under the same forward and backward contract."""

from scratchgpt.layers.activation import ACTIVATIONS
from scratchgpt.layers.attention import CausalSelfAttention, SelfAttentionSaved
from scratchgpt.layers.block import Block, BlockSaved
from scratchgpt.layers.dropout import Dropout
from scratchgpt.layers.embedding import Embedding
from scratchgpt.layers.head import Head
from scratchgpt.layers.kv_cache import KVCache, LayerCache
from scratchgpt.layers.layer_norm import LayerNorm
from scratchgpt.layers.linear import Linear
from scratchgpt.layers.mlp import MLP, MLPSaved
from scratchgpt.layers.parameters import Layer, Parameter, ParameterStore
from scratchgpt.layers.recompute import RecomputeSaved, recompute_backward, recompute_forward

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "Block",
    "BlockSaved",
    "CausalSelfAttention",
    "Dropout",
    "Embedding",
    "Head",
    "KVCache",
    "Layer",
    "LayerCache",
    "LayerNorm",
    "Linear",
    "MLPSaved",
    "Parameter",
    "ParameterStore",
    "RecomputeSaved",
    "SelfAttentionSaved",
    "recompute_backward",
    "recompute_forward",
]
