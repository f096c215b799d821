"""Vectors of texts and code: contrastive training, encoding, and search by meaning."""

from scratchgpt.embeddings.batches import ContrastiveBatches, EncodedPairs
from scratchgpt.embeddings.contrastive import Contrastive, ContrastiveBatch, ContrastiveLossSaved
from scratchgpt.embeddings.encoder import TextEncoder
from scratchgpt.embeddings.index.index import Index
from scratchgpt.embeddings.index.location import default_model_folder, index_folder
from scratchgpt.embeddings.index.ranking import Hit
from scratchgpt.embeddings.index.scanning import Changes
from scratchgpt.embeddings.pieces.cutting import cut
from scratchgpt.embeddings.pieces.piece import Piece
from scratchgpt.embeddings.quantized import Int8Vectors, quantize_bits, quantize_int8
from scratchgpt.embeddings.roles import add_roles

__all__ = [
    "Changes",
    "Contrastive",
    "ContrastiveBatch",
    "ContrastiveBatches",
    "ContrastiveLossSaved",
    "EncodedPairs",
    "Hit",
    "Index",
    "Int8Vectors",
    "Piece",
    "TextEncoder",
    "add_roles",
    "cut",
    "default_model_folder",
    "index_folder",
    "quantize_bits",
    "quantize_int8",
]
