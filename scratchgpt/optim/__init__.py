"""Optimization: AdamW, gradient clipping and learning-rate schedules."""

from scratchgpt.optim.adamw import AdamW
from scratchgpt.optim.clip import clip_scale, global_norm
from scratchgpt.optim.schedule import (
    warmup_constant,
    warmup_cosine,
    warmup_inverse_sqrt,
    warmup_linear,
)

__all__ = [
    "AdamW",
    "clip_scale",
    "global_norm",
    "warmup_constant",
    "warmup_cosine",
    "warmup_inverse_sqrt",
    "warmup_linear",
]
