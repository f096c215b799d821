"""Training: the training loop, checkpoints and progress display."""

from scratchgpt.checkpoints import find_checkpoint
from scratchgpt.training.batches import Batches, LimitedBatches, PhasedBatches
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.diagnosis import NonFiniteError
from scratchgpt.training.metrics import read_metrics
from scratchgpt.training.mpi import Mpi
from scratchgpt.training.next_token import NextToken
from scratchgpt.training.objective import Objective
from scratchgpt.training.plots import plot_metrics
from scratchgpt.training.progress import TrainingProgress
from scratchgpt.training.records import (
    CheckpointRecord,
    EvaluationRecord,
    SampleRecord,
    StepRecord,
    StoppingRecord,
    TrainResult,
)
from scratchgpt.training.trainer import Trainer
from scratchgpt.training.workers import Alone, Workers

__all__ = [
    "Alone",
    "Batches",
    "CheckpointRecord",
    "EvaluationRecord",
    "LimitedBatches",
    "Mpi",
    "NextToken",
    "NonFiniteError",
    "Objective",
    "PhasedBatches",
    "SampleRecord",
    "StepRecord",
    "StoppingRecord",
    "TrainConfig",
    "TrainResult",
    "Trainer",
    "TrainingProgress",
    "Workers",
    "find_checkpoint",
    "plot_metrics",
    "read_metrics",
]
