"""Generation: from a model and a prompt to new text."""

from scratchgpt.generation.decoding import Decoding, window_start
from scratchgpt.generation.generate import Generation, generate
from scratchgpt.generation.sampling import SamplingConfig
from scratchgpt.generation.stop import StopMatcher
from scratchgpt.generation.text import (
    TextGeneration,
    check_tokenizer,
    generate_text,
    start_tokens,
)

__all__ = [
    "Decoding",
    "Generation",
    "SamplingConfig",
    "StopMatcher",
    "TextGeneration",
    "check_tokenizer",
    "generate",
    "generate_text",
    "start_tokens",
    "window_start",
]
