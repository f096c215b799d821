"""What the callbacks of a trainer are given, and what ``train`` returns."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class StepRecord:
    """One update.

    Attributes
    ----------
    step : int
        How many updates came before; ``loss`` and ``val_loss`` are those of the parameters then.
    loss : float
        Mean cross-entropy of the batch, in nats a counted token; of smoothed labels, where they
        are.
    val_loss : float or None
        Of the validation part, where this step began with an evaluation.
    lr, grad_norm : float
        The norm is that before clipping.
    tokens_per_s : float
        Of this update; evaluations and checkpoints do not count.
    elapsed : float
        Seconds of training so far, those before a resume included.
    """

    step: int
    loss: float
    val_loss: float | None
    lr: float
    grad_norm: float
    tokens_per_s: float
    elapsed: float

    def as_dict(self) -> dict[str, Any]:
        """The fields that have a value."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class EvaluationRecord:
    """The loss over the validation part, and whether it is the lowest so far."""

    step: int
    val_loss: float
    is_best: bool


@dataclass(frozen=True)
class CheckpointRecord:
    """A model directory was written; ``which`` is ``"last"``, ``"best"`` or ``"average"``."""

    step: int
    which: str
    path: Path


@dataclass(frozen=True)
class SampleRecord:
    """It is time to look at what the model writes."""

    step: int


@dataclass(frozen=True)
class TrainResult:
    """How a run ended.

    Attributes
    ----------
    step : int
        Updates made.
    val_loss : float or None
        Of the last evaluation.
    best_val_loss : float or None
    best_step : int or None
    average_val_loss : float or None
        Of the average of the last checkpoints.
    elapsed : float
        Seconds, those before a resume included.
    interrupted : int or None
        The signal that stopped it before its last step; the run can be resumed.
    """

    step: int
    val_loss: float | None
    best_val_loss: float | None
    best_step: int | None
    average_val_loss: float | None
    elapsed: float
    interrupted: int | None


@dataclass
class Position:
    """Where a run stands.

    Attributes
    ----------
    step : int
        Updates made.
    elapsed : float
        Seconds of training.
    best_val_loss, best_step : float, int or None
        The lowest evaluation, and after how many updates it was.
    """

    step: int = 0
    elapsed: float = 0.0
    best_val_loss: float | None = None
    best_step: int | None = None
