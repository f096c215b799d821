"""Models made of layers: GPT in its GPT-1 and GPT-2 forms."""

from scratchgpt.models.config import GPTConfig
from scratchgpt.models.description import Description, describe
from scratchgpt.models.gpt import GPT, Backbone, BackboneSaved, GPTLossSaved, GPTSaved
from scratchgpt.models.presets import PRESETS
from scratchgpt.models.pretrained import load_pretrained, save_pretrained
from scratchgpt.models.quantized import QuantizedGPT

__all__ = [
    "GPT",
    "PRESETS",
    "Backbone",
    "BackboneSaved",
    "Description",
    "GPTConfig",
    "GPTLossSaved",
    "GPTSaved",
    "QuantizedGPT",
    "describe",
    "load_pretrained",
    "save_pretrained",
]
