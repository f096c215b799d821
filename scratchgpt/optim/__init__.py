"""Optimization: AdamW, Muon, gradient clipping and learning-rate schedules."""

from scratchgpt.optim.adamw import AdamW
from scratchgpt.optim.clip import clip_scale, global_norm
from scratchgpt.optim.muon import Muon, rate_factor
from scratchgpt.optim.muon_with_adamw import MuonWithAdamW
from scratchgpt.optim.optimizer import Optimizer
from scratchgpt.optim.orthogonalize import newton_schulz
from scratchgpt.optim.schedule import (
    warmup_constant,
    warmup_cosine,
    warmup_inverse_sqrt,
    warmup_linear,
    warmup_stable_decay,
)
from scratchgpt.optim.shards import Shard, shards

__all__ = [
    "AdamW",
    "Muon",
    "MuonWithAdamW",
    "Optimizer",
    "Shard",
    "clip_scale",
    "global_norm",
    "newton_schulz",
    "rate_factor",
    "shards",
    "warmup_constant",
    "warmup_cosine",
    "warmup_inverse_sqrt",
    "warmup_linear",
    "warmup_stable_decay",
]
