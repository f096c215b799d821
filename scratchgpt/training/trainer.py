"""The training loop: updates, evaluations, checkpoints and callbacks."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from scratchgpt.checkpoints import AVERAGE, BEST, LAST
from scratchgpt.errors import UserError, did_you_mean, warn_on_failure
from scratchgpt.text.tokenizers.tokenizer import Tokenizer
from scratchgpt.threads import one_pool
from scratchgpt.training.agreement import check_same_start, first_of
from scratchgpt.training.batches import Batches
from scratchgpt.training.checkpoint import settings_of
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.diagnosis import NonFiniteError
from scratchgpt.training.evaluation import Evaluate, Evaluation, measures_of
from scratchgpt.training.objective import AnyObjective, Objective
from scratchgpt.training.phases import Phases
from scratchgpt.training.plots import plot_metrics
from scratchgpt.training.records import (
    CheckpointRecord,
    Position,
    SampleRecord,
    StepRecord,
    TrainResult,
    merge_scores,
)
from scratchgpt.training.run import NOTHING_SAVED, Run
from scratchgpt.training.signals import Stopped, StopRequest
from scratchgpt.training.step import NotFinite, Stepper
from scratchgpt.training.workers import ALONE, Workers

EVENTS = ("step", "evaluation", "checkpoint", "sample", "stopping")

Batch = TypeVar("Batch")
Saved = TypeVar("Saved")
Callback = Callable[["Trainer", Any], None]


class Trainer:
    """Trains the model of an objective, and writes checkpoints, metrics and plots.

    A step accumulates the gradients of ``grad_accum`` micro-batches, which sum to the gradient of
    one big batch. Then the gradient is clipped, and the optimizer updates the parameters. A run
    that is resumed with the same settings equals an uninterrupted one bit for bit.

    Parameters
    ----------
    objective : Objective
        Its model is in float32 or float64. :class:`NextToken` is for language models.
    batches : Batches or PhasedBatches
        Micro-batch i of step s is ``train_batch(s * grad_accum + i)``.
    config : TrainConfig
    evaluate : callable, optional
        Returns scores over a whole set by name, such as F1 or MRR; called at each evaluation.
    workers : Workers
        The processes that train together. By default this process trains alone.
    out_dir : path, optional
        The folder of the run, for ``last/`` and ``best/`` (model directories), ``metrics.jsonl``,
        ``loss.png``, and ``average/`` if ``config.average`` is set. It is locked until
        :meth:`train` ends. Without a folder nothing is written.
    resume : bool
        Resume from ``last/`` in ``out_dir``. Only steps, intervals, ``recompute`` and ``precision``
        may differ from the settings that the run was started with; ``notes`` lists those that do.
    tokenizer : Tokenizer, optional
        Saved with the model; a run cannot be resumed with another tokenizer.
    data_fingerprint : str, optional
        Identifies the training data; a run cannot be resumed on other data.

    Attributes
    ----------
    position : Position
        Updates made, seconds of training, and the best evaluation so far.
    stepper : Stepper
        Computes updates and evaluations; owns the optimizer and the arena.
    notes : list of str
        What a resume changes.

    Raises
    ------
    UserError
        If the folder is in use or cannot be written, or its contents do not fit the arguments.

    Examples
    --------
    >>> objective = NextToken(model, label_smoothing=0.1)              # doctest: +SKIP
    >>> trainer = Trainer(objective, batches, TrainConfig(steps=100))  # doctest: +SKIP
    >>> trainer.on("step", lambda trainer, record: print(record.loss)) # doctest: +SKIP
    >>> trainer.train().best_val_loss                                  # doctest: +SKIP
    """

    def __init__(
        self,
        objective: Objective[Batch, Saved],
        batches: Batches[Batch],
        config: TrainConfig,
        *,
        evaluate: Evaluate | None = None,
        workers: Workers = ALONE,
        out_dir: Path | str | None = None,
        resume: bool = False,
        tokenizer: Tokenizer | None = None,
        data_fingerprint: str | None = None,
    ) -> None:
        self.objective: AnyObjective = objective
        self.model = objective.model
        self.config = config = config.in_steps(getattr(batches, "batches_per_epoch", None))
        self.stepper = Stepper(objective, batches, config, workers)
        self._evaluation = Evaluation(self.stepper, evaluate, config)
        self._phases = Phases(batches, config, saves=out_dir is not None)
        self.position, self.notes = Position(), list[str]()
        self._callbacks: dict[str, list[Callback]] = {event: [] for event in EVENTS}
        self._scores: dict[str, float] = {}
        self._average_val_loss: float | None = None
        self._grad_norm: float | None = None
        self._run: Run | None = None
        settings = settings_of(config, self.model, tokenizer, data_fingerprint)
        check_same_start(workers, settings, self.model)
        if out_dir is not None:
            self._run = Run(out_dir, self.stepper, tokenizer, settings)
            self.position = self._run.open(resume=resume, phases=self._phases)
            self.config = self.stepper.config = self._run.config
            self.notes = self._run.notes
        elif resume:
            raise UserError("resume=True needs the out_dir of the run to resume")
        elif config.average > 1:
            raise UserError(f"average={config.average} needs an out_dir to keep checkpoints in")

    @property
    def step(self) -> int:
        """Updates made."""
        return self.position.step

    def on(self, event: str, callback: Callback) -> None:
        """Call ``callback(trainer, record)`` at each event of a kind.

        Parameters
        ----------
        event : {"step", "evaluation", "checkpoint", "sample", "stopping"}
            Fired after each update, evaluation or checkpoint; every ``sample_interval`` steps; or
            when a signal came and training continues to the end of a phase.
        callback : callable
            Its record is a StepRecord, EvaluationRecord, and so on, to match the event.
        """
        if event not in EVENTS:
            raise UserError(
                f"unknown event {event!r}"
                f"{did_you_mean(event, EVENTS) or '; choose one of ' + ', '.join(EVENTS)}"
            )
        self._callbacks[event].append(callback)

    def train(self) -> TrainResult:
        """Train until ``config.steps`` updates are made, or a signal requests the end.

        On Ctrl-C, SIGTERM or SIGHUP (a closed terminal), the trainer finishes the current
        micro-batch (or phase) and saves the run. A second signal raises KeyboardInterrupt at once.

        Raises
        ------
        NonFiniteError
            If a loss or gradient norm is not finite; parameters and checkpoints are unchanged.
        UserError
            If a checkpoint cannot be written. The previous checkpoint still exists then.
        """
        self._began = time.perf_counter() - self.position.elapsed
        if self._run:
            self._run.acquire()
        try:
            with one_pool(), StopRequest() as stop:
                stop.deferred = self._phases.is_under_way(self.step)
                self.stepper.stop = stop
                finished = self._loop()
                self._save_last(averaged=finished)
                finished = self._save_average(finished) and finished
                signal = first_of(self.stepper.workers, str(stop.signal or ""))
                self.position.elapsed = self._elapsed()
            if self._run and self.stepper.workers.rank == 0:
                with warn_on_failure("plotting the metrics"):
                    plot_metrics(self._run.path, unit=self.objective.unit)
        except NotFinite as error:
            raise self._nonfinite(error) from None
        finally:
            self.stepper.stop = StopRequest()
            self.close()
        return TrainResult(
            **vars(self.position),
            val_loss=self._scores.get("val_loss"),
            average_val_loss=self._average_val_loss,
            measures=measures_of(self._scores),
            interrupted=None if finished else int(signal),
        )

    def evaluate(self) -> dict[str, float]:
        """Return ``val_loss``, the measures as ``val_NAME``, and the scores from ``evaluate``."""
        try:
            with one_pool():
                return self._evaluation.scores()
        except NotFinite as error:
            raise self._nonfinite(error) from None

    def close(self) -> None:
        """Release the lock on ``out_dir``; :meth:`train` does so when it ends."""
        if self._run:
            self._run.close()

    def _loop(self) -> bool:
        """Train; return True at the end of the run, and False if a signal stopped it."""
        config = self.config
        if self._run and self._run.saved_step is None:
            self._save_last()  # a full or read-only disk fails now, not in an hour
        try:
            while True:
                scores = self._evaluate_if_due()
                if self.step >= config.steps:
                    self._log_scores(scores)
                    return True
                self._phases.begin_if_due(self.step, self.stepper)
                self._update(scores)
                if self.step % config.checkpoint_interval == 0 and self.step < config.steps:
                    self._save_last(averaged=True)
                if config.sample_interval and self.step % config.sample_interval == 0:
                    self._fire("sample", SampleRecord(self.step))
        except Stopped:
            return False

    def _evaluate_if_due(self) -> dict[str, float]:
        """Evaluate if an evaluation is due, and save the model if it is the best so far."""
        interval = self.config.eval_interval
        if not interval or (self.step % interval and self.step < self.config.steps):
            return {}
        scores = self._scores = self._evaluation.scores()
        record = self._evaluation.judge(scores, self.position)
        if record.is_best and self._run:
            path = self._run.save_best(self.step)
            self._fire("checkpoint", CheckpointRecord(self.step, BEST, path))
        self._fire("evaluation", record)
        return scores

    def _update(self, scores: dict[str, float]) -> None:
        update = self.stepper.update(self.step)
        self._grad_norm = update.grad_norm
        val_loss, elapsed = scores.get("val_loss"), self._elapsed()
        record = StepRecord(self.step, val_loss=val_loss, elapsed=elapsed, **update._asdict())
        if self._run and (scores or self.step % self.config.log_interval == 0):
            self._run.log(merge_scores(record.as_dict(), scores))
        self.position.step += 1
        self._fire("step", record)
        if stopping := self._phases.updated(self.step, self.stepper.stop):
            self._fire("stopping", stopping)

    def _log_scores(self, scores: dict[str, float]) -> None:
        """Log an evaluation after the last update on a separate line."""
        if self._run and scores:
            self._run.log(merge_scores({"step": self.step, "elapsed": self._elapsed()}, scores))

    def _save_last(self, *, averaged: bool = False) -> None:
        if self._run is None:
            return
        if not np.isfinite(self.model.store.values).all():
            raise NotFinite("a parameter became infinite or NaN", [], None)
        self.position.elapsed = self._elapsed()
        path = self._run.save_last(self.position, averaged=averaged)
        self._fire("checkpoint", CheckpointRecord(self.step, LAST, path))

    def _save_average(self, evaluate: bool) -> bool:
        """Average the last checkpoints; return False if a signal interrupted its evaluation."""
        if self._run is None:
            return True
        with self._run.averaging() as path:
            if path is None:
                return True
            self._fire("checkpoint", CheckpointRecord(self.step, AVERAGE, path))
            if not (evaluate and self.config.eval_interval):
                return True
            try:
                scores = self._evaluation.scores()
            except Stopped:
                return False
        self._average_val_loss = scores.get("val_loss")
        self._log_scores({f"average_{name}": value for name, value in scores.items()})
        return True

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def _fire(self, event: str, record: Any) -> None:
        for callback in self._callbacks[event]:
            callback(self, record)

    def _nonfinite(self, error: NotFinite) -> NonFiniteError:
        """Return the error for a loss or gradient that is not finite, with its diagnosis."""
        return self.stepper.diagnose(
            error,
            self.step,
            grad_norm=self._grad_norm,
            checkpoint=self._run.last_good() if self._run else NOTHING_SAVED,
        )
