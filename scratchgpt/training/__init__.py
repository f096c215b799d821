"""Training: the loop, its checkpoints, and what it shows while it runs."""

from scratchgpt.training.config import TrainConfig
from scratchgpt.training.diagnosis import NonFiniteError
from scratchgpt.training.metrics import read_metrics
from scratchgpt.training.plots import plot_metrics
from scratchgpt.training.progress import TrainingProgress
from scratchgpt.training.records import (
    CheckpointRecord,
    EvaluationRecord,
    SampleRecord,
    StepRecord,
    TrainResult,
)
from scratchgpt.training.run_directory import find_checkpoint
from scratchgpt.training.step import Batches
from scratchgpt.training.trainer import Trainer

__all__ = [
    "Batches",
    "CheckpointRecord",
    "EvaluationRecord",
    "NonFiniteError",
    "SampleRecord",
    "StepRecord",
    "TrainConfig",
    "TrainResult",
    "Trainer",
    "TrainingProgress",
    "find_checkpoint",
    "plot_metrics",
    "read_metrics",
]
