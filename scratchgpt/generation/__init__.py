"""Generation: sample text from a model, translate, and plot attention."""

from scratchgpt.generation.alignment import alignment
from scratchgpt.generation.alignment_picture import draw_alignment
from scratchgpt.generation.beam import beam_search
from scratchgpt.generation.decoding import Decoding, window_start
from scratchgpt.generation.generate import Generation, generate
from scratchgpt.generation.hypotheses import Hypothesis, length_penalty
from scratchgpt.generation.sampling import SamplingConfig
from scratchgpt.generation.stop import StopMatcher
from scratchgpt.generation.text import (
    TextGeneration,
    check_tokenizer,
    generate_text,
    start_tokens,
)
from scratchgpt.generation.translate import Translation, translate, translate_n_best
from scratchgpt.generation.words import weights_of_words, words_of
from scratchgpt.models.config import fits_vocabulary

__all__ = [
    "Decoding",
    "Generation",
    "Hypothesis",
    "SamplingConfig",
    "StopMatcher",
    "TextGeneration",
    "Translation",
    "alignment",
    "beam_search",
    "check_tokenizer",
    "draw_alignment",
    "fits_vocabulary",
    "generate",
    "generate_text",
    "length_penalty",
    "start_tokens",
    "translate",
    "translate_n_best",
    "weights_of_words",
    "window_start",
    "words_of",
]
