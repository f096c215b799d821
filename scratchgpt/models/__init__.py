"""Models: GPT, GPT as an encoder and as a classifier, and the Transformer of 2017."""

from scratchgpt.models.classifier_config import PROBLEMS, GPTClassifierConfig, Problem
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.decoder_cache import DecoderCache
from scratchgpt.models.description import Description
from scratchgpt.models.encoder_decoder import (
    DecoderSaved,
    EncoderSaved,
    TransformerDecoder,
    TransformerEncoder,
)
from scratchgpt.models.gpt import GPT, Backbone, BackboneSaved, GPTLossSaved, GPTSaved
from scratchgpt.models.gpt_classifier import GPTClassifier, GPTClassifierSaved, Outputs
from scratchgpt.models.gpt_encoder import GPTEncoder, GPTEncoderConfig, GPTEncoderSaved
from scratchgpt.models.gpt_reward import GPTReward, GPTRewardConfig, GPTRewardSaved
from scratchgpt.models.kinds import (
    KINDS,
    ModelKind,
    describe,
    kind_of,
    kind_of_config,
    preset_config,
    register_kind,
)
from scratchgpt.models.llmc import read_llmc, write_llmc
from scratchgpt.models.lora import LoRA, add_lora, merge_lora
from scratchgpt.models.lora_config import LoRAConfig
from scratchgpt.models.lora_files import load_lora, save_lora
from scratchgpt.models.model import LossSaved, Model
from scratchgpt.models.model_config import ModelConfig
from scratchgpt.models.presets import ALL_PRESETS, PRESETS, TRANSFORMER_PRESETS, Preset
from scratchgpt.models.pretrained import load_pretrained, load_quantized, save_pretrained
from scratchgpt.models.quantized import QuantizedGPT
from scratchgpt.models.state_dicts import read_state_dict, write_state_dict
from scratchgpt.models.transformer import Transformer, TransformerLossSaved, TransformerSaved
from scratchgpt.models.transformer_config import TransformerConfig

__all__ = [
    "ALL_PRESETS",
    "GPT",
    "KINDS",
    "PRESETS",
    "PROBLEMS",
    "TRANSFORMER_PRESETS",
    "Backbone",
    "BackboneSaved",
    "DecoderCache",
    "DecoderSaved",
    "Description",
    "EncoderSaved",
    "GPTClassifier",
    "GPTClassifierConfig",
    "GPTClassifierSaved",
    "GPTConfig",
    "GPTEncoder",
    "GPTEncoderConfig",
    "GPTEncoderSaved",
    "GPTLossSaved",
    "GPTReward",
    "GPTRewardConfig",
    "GPTRewardSaved",
    "GPTSaved",
    "LoRA",
    "LoRAConfig",
    "LossSaved",
    "Model",
    "ModelConfig",
    "ModelKind",
    "Outputs",
    "Preset",
    "Problem",
    "QuantizedGPT",
    "Transformer",
    "TransformerConfig",
    "TransformerDecoder",
    "TransformerEncoder",
    "TransformerLossSaved",
    "TransformerSaved",
    "add_lora",
    "describe",
    "kind_of",
    "kind_of_config",
    "load_lora",
    "load_pretrained",
    "load_quantized",
    "merge_lora",
    "preset_config",
    "read_llmc",
    "read_state_dict",
    "register_kind",
    "save_lora",
    "save_pretrained",
    "write_llmc",
    "write_state_dict",
]
