"""A training run on disk: the contents of its folder, and exclusive write access to it."""

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scratchgpt.backend import Array, to_device_of
from scratchgpt.checkpoints import AVERAGE, BEST, LAST
from scratchgpt.errors import UserError
from scratchgpt.files import write_text
from scratchgpt.structured import read_json, to_record
from scratchgpt.text.tokenizers.tokenizer import Tokenizer
from scratchgpt.training.agreement import check_same_parameters, failing_together
from scratchgpt.training.averaging import RECENT, RecentWeights
from scratchgpt.training.checkpoint import (
    TrainingState,
    json_state,
    load_checkpoint,
    read_state,
    save_checkpoint,
)
from scratchgpt.training.config import CHANGEABLE, TrainConfig
from scratchgpt.training.metrics import METRICS_FILE, append_metrics, cut_metrics
from scratchgpt.training.model_files import config_defaults, save_model
from scratchgpt.training.phases import Phases
from scratchgpt.training.plots import PICTURE_FILE
from scratchgpt.training.records import Position
from scratchgpt.training.resuming import check_resumable
from scratchgpt.training.run_directory import RunDirectory
from scratchgpt.training.sharding import all_moments
from scratchgpt.training.step import Stepper

NOTHING_SAVED = "no checkpoint was written"
STEP_FILE = "checkpoint.json"  # in ``best/``: the step at which it was written
# If these change on resume, the run may not come to the same best model again.
_CHANGE_THE_BEST = frozenset({"steps", "eval_interval", "precision"})


@dataclass(frozen=True)
class _Written:
    """The content of ``checkpoint.json``."""

    step: int


class Run:
    """The folder of one trainer: checkpoints, metrics and the lock to write them.

    Only worker 0 writes. The others wait for worker 0 before they read the same folder.

    Parameters
    ----------
    out_dir : path
    stepper : Stepper
        Has the objective, the optimizer, the settings and the workers of the run.
    tokenizer : Tokenizer, optional
        Saved with every checkpoint.
    settings : dict
        From :func:`scratchgpt.training.checkpoint.settings_of`.

    Attributes
    ----------
    config : TrainConfig
        The settings in effect: a resumed run keeps the warm-up that it was started with.
    notes : list of str
        What a resume changes, in sentences for a person.
    """

    def __init__(
        self,
        out_dir: Path | str,
        stepper: Stepper,
        tokenizer: Tokenizer | None,
        settings: dict[str, Any],
    ) -> None:
        self.directory = RunDirectory(out_dir)
        self.path = self.directory.path
        self.metrics_path = self.path / METRICS_FILE
        self.saved_step: int | None = None
        self.config = config = stepper.config
        self.notes: list[str] = []
        self._objective = stepper.objective
        self._model = stepper.model
        self._workers = stepper.workers
        self._writes = stepper.workers.rank == 0
        self._optimizer = stepper.optimizer
        self._tokenizer = tokenizer
        self._recent: RecentWeights | None = None
        self._discards_best = False
        if config.average > 1:
            folder = self.path / RECENT
            self._recent = RecentWeights(folder, config.average, config.checkpoint_interval)
        self._settings = settings

    def open(self, *, resume: bool, phases: Phases) -> Position:
        """Lock the folder, and load the last checkpoint if ``resume`` is True.

        Raises
        ------
        UserError
            If the folder cannot be locked, or its contents do not match ``resume`` and the
            settings.
        """
        self.acquire()
        try:
            with failing_together(self._workers):
                position = self._resume(phases) if resume else self._start()
            if resume:
                check_same_parameters(self._workers, self._model, position.step)
                self._let_write(lambda: self._write_resumed(position))
            return position
        except BaseException:
            self.close()
            raise

    def acquire(self) -> None:
        """Lock the folder, and remove the incomplete files of a killed process."""
        self._let_write(self.directory.acquire)

    def close(self) -> None:
        """Release the folder."""
        self.directory.release()

    def _let_write(self, write: Callable[[], None]) -> None:
        """Let worker 0 write while the others wait; if it cannot, all of them raise its error."""
        with failing_together(self._workers):
            if self._writes:
                write()

    def save_last(self, position: Position, *, averaged: bool = False) -> Path:
        """Write ``last/``, from which the run can be resumed.

        ``averaged`` also saves the weights for the average of the last checkpoints.
        """
        check_same_parameters(self._workers, self._model, position.step)
        with all_moments(self._optimizer, self._workers, self.path) as moments:
            self._let_write(lambda: self._write_last(position, averaged, moments))
        self.saved_step = position.step
        return self.path / LAST

    def _write_last(self, position: Position, averaged: bool, moments: dict[str, Array]) -> None:
        if self.saved_step is not None and position.step > self.saved_step:
            self._discard_derived()
        if self._recent and averaged:
            self._recent.add(position.step, self._model)
        state = TrainingState(
            **vars(position), **self._settings, objective=json_state(self._objective)
        )
        with self.directory.replacing(LAST) as folder:
            save_checkpoint(folder, self._objective, moments, self._tokenizer, state)
        if self._recent:
            self._recent.prune()

    def save_best(self, step: int) -> Path:
        """Write ``best/``: the model after ``step`` updates, without the training state."""

        def write() -> None:
            with self.directory.replacing(BEST) as folder:
                save_model(folder, self._model, self._tokenizer)
                write_text(folder / STEP_FILE, json.dumps({"step": step}) + "\n")

        self._let_write(write)
        return self.path / BEST

    def _discard_derived(self) -> None:
        """Remove what was made from ``last/``, before a later ``last/`` is written."""
        self.directory.discard(AVERAGE)
        (self.path / PICTURE_FILE).unlink(missing_ok=True)

    def _discard_later_best(self, position: Position) -> None:
        """Let ``best/`` be removed if a killed run wrote it after its last checkpoint.

        The run now continues with other settings, so it does not come to that model again.
        """
        best = self.directory.find(BEST)
        step = None if best is None else _step_of(best)
        if step is None or step == position.best_step:
            return
        self._discards_best = True
        position.best_step = position.best_value = position.best_val_loss = None
        self.notes.append(
            f"best/ of step {step:,} is removed: it was written after the checkpoint of step "
            f"{position.step:,}, from which the run continues with other settings"
        )

    @contextlib.contextmanager
    def averaging(self) -> Iterator[Path | None]:
        """Average the last checkpoints for the duration of a ``with`` block.

        Inside ``with run.averaging() as path:`` the model has the averaged weights, which have been
        written to ``average/``. If the run does not average, or there is no checkpoint to average
        yet, ``path`` is None and the model does not change.
        """
        self._workers.any(False)  # wait until the last checkpoint is complete
        mean = self._recent.mean(self._model) if self._recent else None
        if mean is None:
            yield None
            return
        own = self._model.store.values.copy()
        try:
            for name, parameter in self._model.store.named.items():
                parameter.value[...] = to_device_of(own, mean[name])
            self._let_write(self._write_average)
            yield self.path / AVERAGE
        finally:
            self._model.store.values[...] = own

    def _write_average(self) -> None:
        with self.directory.replacing(AVERAGE) as folder:
            save_model(folder, self._model, self._tokenizer)

    def last_good(self) -> str:
        """Describe where the last checkpoint is, for an error message."""
        if self.saved_step is None:
            return NOTHING_SAVED
        return f"the last good checkpoint is {self.path / LAST} (step {self.saved_step})"

    def log(self, values: dict[str, Any]) -> None:
        """Append a line to ``metrics.jsonl``."""
        if self._writes:
            append_metrics(self.metrics_path, values)

    def _start(self) -> Position:
        if self.directory.find(LAST) or self.directory.find(BEST):
            raise UserError(
                f"{self.path} already holds a run; add --resume to resume it, or choose "
                "another folder"
            )
        if self.metrics_path.exists():
            raise UserError(
                f"{self.metrics_path} exists, but there is no checkpoint beside it, so it belongs "
                "to something else; move it away or choose another folder"
            )
        return Position()

    def _resume(self, phases: Phases) -> Position:
        last = self.directory.find(LAST)
        if last is None:
            raise UserError(
                f"{self.path} has no run to resume; leave out --resume to start a run, or "
                "name the folder of another run"
            )
        saved = read_state(last)
        position = Position(**{name: getattr(saved, name) for name in vars(Position())})
        if position.best_value is None:  # the run was saved before this field existed
            position.best_value = saved.best_val_loss
        before = TrainConfig.of_run(saved.train_config)
        given = self.config.warmup_steps
        self.config = self.config.with_warmup_of(before)
        self._settings["train_config"] = self.config.as_dict()
        kept = self.config.warmup_steps if given is None else before.n_warmup
        current = TrainingState(**vars(position), **self._settings)
        started = {**saved.train_config, **before.as_dict(), "warmup_steps": kept}
        saved = replace(saved, train_config=started)
        check_resumable(saved, current, self.path, config_defaults(self._model))
        phases.check_resumable(saved.step)
        load_checkpoint(last, self._objective, self._optimizer, saved)
        self._optimizer.n_steps = saved.step
        self.saved_step = saved.step
        self._note_changes(before, position)
        return position

    def _write_resumed(self, position: Position) -> None:
        """Remove what the resumed run does not keep, after all workers have read the folder."""
        cut_metrics(self.metrics_path, position.step)
        if self._recent:
            self._recent.resume(position.step)
        if self._discards_best:
            self.directory.discard(BEST)

    def _note_changes(self, before: TrainConfig, position: Position) -> None:
        """Note what the resume changes, and whether ``best/`` does not fit it."""
        step, now = position.step, self.config
        changed = [n for n in sorted(CHANGEABLE) if getattr(now, n) != getattr(before, n)]
        said = [f"{n}={getattr(now, n)} instead of {getattr(before, n)}" for n in changed]
        old, new = before.lr_at(step), now.lr_at(step)
        if step < now.steps and not math.isclose(old, new):
            said.append(f"so the learning rate of step {step:,} is {new:.3g} instead of {old:.3g}")
        if said:
            self.notes.append(f"resumed with {', '.join(said)}")
        if _CHANGE_THE_BEST.intersection(changed):
            self._discard_later_best(position)
        if self.directory.find(AVERAGE) and step < now.steps:
            self.notes.append(
                f"average/ of step {step:,} is removed at the next checkpoint; the run writes "
                "another one at its end"
            )


def _step_of(directory: Path) -> int | None:
    """Return the step at which a model directory was written; None if it does not say."""
    path = directory / STEP_FILE
    try:
        return to_record(_Written, read_json(path), str(path)).step
    except FileNotFoundError:
        return None
