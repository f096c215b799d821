"""Records: the arguments of a trainer's callbacks, and the result of ``train``."""

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
        Number of updates before this one; ``loss`` and ``val_loss`` are computed with the
        parameters at that point.
    loss : float
        Mean loss of the batch. For a language model it is in nats per counted token, and includes
        label smoothing.
    val_loss : float or None
        Validation loss, if this step began with an evaluation.
    lr, grad_norm : float
        Learning rate, and gradient norm before clipping.
    tokens_per_s : float
        Tokens per second in this update, without evaluations and checkpoints.
    elapsed : float
        Seconds of training so far, including those before a resume.
    measures : dict of str to float
        Measures of the objective other than the loss.
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
        """Return the fields that are not None, and the finite measures by name."""
        values = {name: value for name, value in vars(self).items() if value is not None}
        measures = values.pop("measures")
        return {**values, **_finite(measures)}


# Names with a fixed meaning in metrics.jsonl.
RESERVED = frozenset(StepRecord.__dataclass_fields__) | {"average_val_loss"}


def check_measures(names: Iterable[str]) -> None:
    """Raise UserError for a measure whose name has another meaning in ``metrics.jsonl``."""
    if not RESERVED.isdisjoint(names):
        taken = sorted(RESERVED.intersection(names))[0]
        raise UserError(f"the measure {taken!r} has the name of a metrics field; rename it")


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
    """Return the finite measures, because JSON has no NaN."""
    return {name: value for name, value in measures.items() if math.isfinite(value)}


@dataclass(frozen=True)
class EvaluationRecord:
    """One evaluation.

    Attributes
    ----------
    step : int
        Updates made.
    val_loss : float or None
        Mean loss over the validation part; None if there is no validation part and only
        ``evaluate`` is called.
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
    """A sample of the model's output is due."""

    step: int


@dataclass(frozen=True)
class StoppingRecord:
    """A signal came in the middle of a phase: training continues to the end of the phase.

    Attributes
    ----------
    step : int
        Updates made.
    last_step : int
        Step at which training stops.
    """

    step: int
    last_step: int


@dataclass(frozen=True)
class TrainResult:
    """The result of a training run.

    Attributes
    ----------
    step : int
        Updates made.
    val_loss : float or None
        Validation loss of the last evaluation.
    best_val_loss : float or None
        Validation loss of the best evaluation.
    best_step : int or None
        Step of the best evaluation.
    best_value : float or None
        Score of the best evaluation that the setting ``best`` names.
    average_val_loss : float or None
        Validation loss of the average of the last checkpoints.
    measures : dict of str to float
        Measures and scores of the last evaluation.
    elapsed : float
        Seconds of training, including those before a resume.
    interrupted : int or None
        Number of the signal that stopped the run before its last step; the run can be resumed.
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
    """The current state of a run.

    Attributes
    ----------
    step : int
        Updates made.
    elapsed : float
        Seconds of training.
    best_val_loss, best_step, best_value : float, int, float or None
        Validation loss and step of the best evaluation, and its score that the setting ``best``
        names.
    """

    step: int = 0
    elapsed: float = 0.0
    best_val_loss: float | None = None
    best_step: int | None = None
    best_value: float | None = None
