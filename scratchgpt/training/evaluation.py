"""Evaluations during a training run, and the choice of the best one."""

import math
from collections.abc import Callable
from typing import TypeAlias

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.records import EvaluationRecord, Position, check_measures
from scratchgpt.training.step import NothingToValidate, Stepper

Evaluate: TypeAlias = Callable[[], dict[str, float]]


def measures_of(scores: dict[str, float]) -> dict[str, float]:
    """Return the scores without the loss."""
    return {name: value for name, value in scores.items() if name != "val_loss"}


class Evaluation:
    """Evaluates the model of a run: loss, measures, and scores over a whole set.

    Parameters
    ----------
    stepper : Stepper
        Evaluates the objective over the validation part.
    evaluate : callable, optional
        Returns scores by name that are not means over batches, such as F1 or MRR.
    config : TrainConfig
        ``best`` names the score that decides which evaluation is best. ``best_mode`` says whether
        higher or lower is better.
    """

    def __init__(self, stepper: Stepper, evaluate: Evaluate | None, config: TrainConfig) -> None:
        self._stepper = stepper
        self._evaluate = evaluate
        self._best = config.best
        self._higher_is_better = config.best_mode == "max"

    def scores(self) -> dict[str, float]:
        """Return ``val_loss``, ``val_NAME`` for each measure, and the scores from ``evaluate``.

        With ``evaluate``, validation batches are optional; without them there is no ``val_loss``.
        """
        try:
            scores = self._stepper.evaluate()
        except NothingToValidate:
            if self._evaluate is None:
                raise
            scores = {}
        if self._evaluate is not None:
            for name, value in self._evaluate().items():
                check_measures([name])
                if name in scores:
                    raise UserError(
                        f"evaluate() returns {name!r}, which validation already measures; rename it"
                    )
                scores[name] = float(value)
        return scores

    def judge(self, scores: dict[str, float], position: Position) -> EvaluationRecord:
        """Compare an evaluation with the best one so far; record it in ``position`` if better.

        Raises
        ------
        UserError
            If the score that ``best`` names was not measured. The message lists the scores that
            were.
        """
        value, val_loss = self._best_value(scores), scores.get("val_loss")
        is_best = self._is_better(value, position.best_value)
        if is_best:
            position.best_value, position.best_val_loss = value, val_loss
            position.best_step = position.step
        return EvaluationRecord(position.step, val_loss, is_best, measures_of(scores))

    def _best_value(self, scores: dict[str, float]) -> float:
        if self._best not in scores:
            raise UserError(
                f"best={self._best!r} is not measured; choose one of {', '.join(scores)}"
                f"{did_you_mean(self._best, list(scores))}"
            )
        return scores[self._best]

    def _is_better(self, value: float, before: float | None) -> bool:
        """Whether a value is better than the best one so far; NaN never is."""
        if math.isnan(value):
            return False
        return before is None or (value > before if self._higher_is_better else value < before)
