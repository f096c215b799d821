"""Models made of layers: GPT in its GPT-1 and GPT-2 forms, and the Transformer of 2017."""

from scratchgpt.models.config import GPTConfig
from scratchgpt.models.decoder_cache import DecoderCache
from scratchgpt.models.description import Description, describe
from scratchgpt.models.encoder_decoder import (
    DecoderSaved,
    EncoderSaved,
    TransformerDecoder,
    TransformerEncoder,
)
from scratchgpt.models.gpt import GPT, Backbone, BackboneSaved, GPTLossSaved, GPTSaved
from scratchgpt.models.llmc import read_llmc, write_llmc
from scratchgpt.models.presets import PRESETS, TRANSFORMER_PRESETS
from scratchgpt.models.pretrained import load_pretrained, load_quantized, save_pretrained
from scratchgpt.models.quantized import QuantizedGPT
from scratchgpt.models.state_dicts import read_state_dict, write_state_dict
from scratchgpt.models.transformer import Transformer, TransformerLossSaved, TransformerSaved
from scratchgpt.models.transformer_config import TransformerConfig

__all__ = [
    "GPT",
    "PRESETS",
    "TRANSFORMER_PRESETS",
    "Backbone",
    "BackboneSaved",
    "DecoderCache",
    "DecoderSaved",
    "Description",
    "EncoderSaved",
    "GPTConfig",
    "GPTLossSaved",
    "GPTSaved",
    "QuantizedGPT",
    "Transformer",
    "TransformerConfig",
    "TransformerDecoder",
    "TransformerEncoder",
    "TransformerLossSaved",
    "TransformerSaved",
    "describe",
    "load_pretrained",
    "load_quantized",
    "read_llmc",
    "read_state_dict",
    "save_pretrained",
    "write_llmc",
    "write_state_dict",
]
