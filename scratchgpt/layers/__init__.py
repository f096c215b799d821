"""Layers: operations that own parameters, under the same forward and backward contract."""

from scratchgpt.layers.attention import AttentionCache, SelfAttention, SelfAttentionSaved
from scratchgpt.layers.block import Block, BlockSaved
from scratchgpt.layers.cross_attention import CrossAttention, CrossAttentionSaved
from scratchgpt.layers.decoder_block import DecoderBlock, DecoderBlockSaved
from scratchgpt.layers.dropout import Dropout, seed_for
from scratchgpt.layers.embedding import Embedding
from scratchgpt.layers.gated_mlp import GatedMLP, GatedMLPSaved
from scratchgpt.layers.head import Head, HeadSaved
from scratchgpt.layers.kv_cache import KVCache, LayerCache
from scratchgpt.layers.layer_norm import LayerNorm
from scratchgpt.layers.linear import Linear
from scratchgpt.layers.lora import LoRALinear, LoRASaved, LowRank, LowRankSaved
from scratchgpt.layers.masks import CAUSAL, UNMASKED, Masks, read_masks
from scratchgpt.layers.mlp import ACTIVATIONS, MLP, MLPSaved
from scratchgpt.layers.parameters import Layer, Parameter, ParameterStore
from scratchgpt.layers.positions import InputEmbedding, InputEmbeddingSaved, sinusoids
from scratchgpt.layers.query_key import PlacedSaved, QueryKey
from scratchgpt.layers.recompute import RecomputeSaved, recompute_backward, recompute_forward
from scratchgpt.layers.rms_norm import RMSNorm
from scratchgpt.layers.rotary import Rotary, Rotation
from scratchgpt.layers.shared_cache import SharedLayer
from scratchgpt.layers.stack import BlockStack, StackSaved
from scratchgpt.layers.sublayer import (
    Branch,
    Norm,
    PostNormSaved,
    PreNormSaved,
    Stream,
    Sublayer,
    SublayerSaved,
)

__all__ = [
    "ACTIVATIONS",
    "CAUSAL",
    "MLP",
    "UNMASKED",
    "AttentionCache",
    "Block",
    "BlockSaved",
    "BlockStack",
    "Branch",
    "CrossAttention",
    "CrossAttentionSaved",
    "DecoderBlock",
    "DecoderBlockSaved",
    "Dropout",
    "Embedding",
    "GatedMLP",
    "GatedMLPSaved",
    "Head",
    "HeadSaved",
    "InputEmbedding",
    "InputEmbeddingSaved",
    "KVCache",
    "Layer",
    "LayerCache",
    "LayerNorm",
    "Linear",
    "LoRALinear",
    "LoRASaved",
    "LowRank",
    "LowRankSaved",
    "MLPSaved",
    "Masks",
    "Norm",
    "Parameter",
    "ParameterStore",
    "PlacedSaved",
    "PostNormSaved",
    "PreNormSaved",
    "QueryKey",
    "RMSNorm",
    "RecomputeSaved",
    "Rotary",
    "Rotation",
    "SelfAttention",
    "SelfAttentionSaved",
    "SharedLayer",
    "StackSaved",
    "Stream",
    "Sublayer",
    "SublayerSaved",
    "read_masks",
    "recompute_backward",
    "recompute_forward",
    "seed_for",
    "sinusoids",
]
