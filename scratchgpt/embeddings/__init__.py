"""Vectors of texts and code: contrastive training, encoding, and search by meaning."""

from scratchgpt.embeddings.batches import ContrastiveBatches, EncodedPairs
from scratchgpt.embeddings.contrastive import Contrastive, ContrastiveBatch, ContrastiveLossSaved
from scratchgpt.embeddings.encoder import TextEncoder
from scratchgpt.embeddings.quantized import Int8Vectors, quantize_bits, quantize_int8
from scratchgpt.embeddings.roles import add_roles

__all__ = [
    "Contrastive",
    "ContrastiveBatch",
    "ContrastiveBatches",
    "ContrastiveLossSaved",
    "EncodedPairs",
    "Int8Vectors",
    "TextEncoder",
    "add_roles",
    "quantize_bits",
    "quantize_int8",
]
