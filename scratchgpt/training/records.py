"""What the callbacks of a trainer are given, and what ``train`` returns."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError


@dataclass(frozen=True)
class StepRecord:
    """One update.

    Attributes
    ----------
    step : int
        How many updates came before; ``loss`` and ``val_loss`` are those of the parameters then.
    loss : float
        Mean loss of the batch; of a language model in nats per counted token, of smoothed labels
        if they are smoothed.
    val_loss : float or None
        Of the validation part, if this step began with an evaluation.
    lr, grad_norm : float
        The norm is that before clipping.
    tokens_per_s : float
        Of this update; evaluations and checkpoints do not count.
    elapsed : float
        Seconds of training so far, those before a resume included.
    measures : dict of str to float
        What the objective measures besides the loss.
    """

    step: int
    loss: float
    val_loss: float | None
    lr: float
    grad_norm: float
    tokens_per_s: float
    elapsed: float
    measures: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The fields that have a value, and the measures that are finite by their own names."""
        values = {name: value for name, value in vars(self).items() if value is not None}
        measures = values.pop("measures")
        return {**values, **_finite(measures)}


# The names in metrics.jsonl that have a meaning of their own.
RESERVED = frozenset(StepRecord.__dataclass_fields__) | {"average_val_loss"}


def check_measures(names: Iterable[str]) -> None:
    """Refuse measures whose names have another meaning in ``metrics.jsonl``."""
    if not RESERVED.isdisjoint(names):
        taken = sorted(RESERVED.intersection(names))[0]
        raise UserError(f"a measure is called {taken!r}, which is a field of its own; rename it")


def merge_scores(values: dict[str, Any], scores: Mapping[str, float]) -> dict[str, Any]:
    """Add the finite scores of an evaluation to a line of metrics.

    Raises
    ------
    UserError
        If a score has the name of a measure.
    """
    for name in scores.keys() & values.keys() - {"val_loss"}:
        raise UserError(
            f"evaluate() returns {name!r}, which the objective measures too; rename one of them"
        )
    return {**values, **_finite(scores)}


def _finite(measures: Mapping[str, float]) -> dict[str, float]:
    """JSON has no NaN."""
    return {name: value for name, value in measures.items() if math.isfinite(value)}


@dataclass(frozen=True)
class EvaluationRecord:
    """One evaluation.

    Attributes
    ----------
    step : int
        Updates made.
    val_loss : float or None
        Mean loss over the validation part; None if there is none, and ``evaluate`` is all.
    is_best : bool
        Whether this is the best evaluation so far.
    measures : dict of str to float
        ``val_NAME`` for each measure of the objective, and the scores of ``evaluate``.
    """

    step: int
    val_loss: float | None
    is_best: bool
    measures: dict[str, float] = field(default_factory=dict)


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
class StoppingRecord:
    """A signal came in the middle of a phase: training goes on to the phase's end.

    Attributes
    ----------
    step : int
        Updates made.
    last_step : int
        Updates that will have been made when training stops.
    """

    step: int
    last_step: int


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
        Of the best evaluation.
    best_step : int or None
    best_value : float or None
        Of the best evaluation, the value that the setting ``best`` names.
    average_val_loss : float or None
        Of the average of the last checkpoints.
    measures : dict of str to float
        Of the last evaluation.
    elapsed : float
        Seconds, those before a resume included.
    interrupted : int or None
        The signal that stopped it before its last step; the run can be resumed.
    """

    step: int
    val_loss: float | None
    best_val_loss: float | None
    best_step: int | None
    best_value: float | None
    average_val_loss: float | None
    measures: dict[str, float]
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
    best_val_loss, best_step, best_value : float, int, float or None
        Of the best evaluation: its validation loss, after how many updates it was, and the value
        that the setting ``best`` names.
    """

    step: int = 0
    elapsed: float = 0.0
    best_val_loss: float | None = None
    best_step: int | None = None
    best_value: float | None = None
