"""Optimization: AdamW, gradient clipping and learning-rate schedules."""

from scratchgpt.optim.adamw import AdamW
from scratchgpt.optim.clip import clip_scale, global_norm
from scratchgpt.optim.schedule import (
    warmup_constant,
    warmup_cosine,
    warmup_inverse_sqrt,
    warmup_linear,
)
from scratchgpt.optim.shards import Shard, shards

__all__ = [
    "AdamW",
    "Shard",
    "clip_scale",
    "global_norm",
    "shards",
    "warmup_constant",
    "warmup_cosine",
    "warmup_inverse_sqrt",
    "warmup_linear",
]
