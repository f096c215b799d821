"""Progress of training: a progress bar on a terminal, plain lines elsewhere."""

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, cast

from scratchgpt.training.records import EvaluationRecord, StepRecord, StoppingRecord

if TYPE_CHECKING:
    from scratchgpt.training.trainer import Trainer

_SMOOTHING = 0.9  # weight of earlier steps in the loss and the speed on the bar


class Lossy:
    """A text file that drops what cannot be written, because its terminal or reader is gone.

    Parameters
    ----------
    stream : text file or None
        None, as Python's ``sys.stderr`` if it was closed, drops everything.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if self._stream is not None:
            with suppress(OSError, ValueError):  # ValueError: it was closed
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            with suppress(OSError, ValueError):
                self._stream.flush()

    def isatty(self) -> bool:
        try:
            return self._stream is not None and self._stream.isatty()
        except ValueError:
            return False

    @property
    def encoding(self) -> str:
        return getattr(self._stream, "encoding", None) or "utf-8"


class TrainingProgress:
    """``with TrainingProgress(trainer): trainer.train()`` shows loss, tokens/s and the time left.

    On a terminal it draws a bar that stays in place, and prints a line above it for each
    evaluation. Elsewhere (a file, a pipe, ``TERM=dumb``) it prints a line for each logged step.
    Output that fails, for example on a closed terminal, is dropped, and training continues.

    Parameters
    ----------
    trainer : Trainer
    stream : text file, optional
        Where to write; by default standard error.
    """

    def __init__(self, trainer: "Trainer", stream: TextIO | None = None) -> None:
        from rich.console import Console

        self._trainer = trainer
        self._console = Console(file=cast(TextIO, Lossy(stream or sys.stderr)))
        live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._bar = _bar(self._console) if live else None
        self._task: Any = None
        self._averages: dict[str, float] = {}
        trainer.on("step", self._on_step)
        trainer.on("evaluation", self._on_evaluation)
        trainer.on("stopping", self._on_stopping)

    def __enter__(self) -> "TrainingProgress":
        self._began, self._first_step = time.perf_counter(), self._trainer.step
        if self._bar:
            self._task = self._bar.add_task(
                "", total=self._trainer.config.steps, completed=self._first_step, numbers=""
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def message(self, text: str) -> None:
        """Write a line, for example a sample, above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _on_step(self, trainer: "Trainer", record: StepRecord) -> None:
        if self._bar:
            loss = self._average("loss", record.loss)
            speed = self._average("tokens_per_s", record.tokens_per_s)
            smooth = {name: self._average(name, value) for name, value in record.measures.items()}
            numbers = f"loss {loss:.3f}{_shown(smooth)}  {speed:,.0f} tokens/s"
            self._bar.update(self._task, completed=trainer.step, numbers=numbers)
        elif record.step % trainer.config.log_interval == 0:
            self.message(
                f"{self._step(record.step)}  loss {record.loss:.4f}{_shown(record.measures)}  "
                f"lr {record.lr:.2e}  gradient norm {record.grad_norm:.3g}  "
                f"{record.tokens_per_s:,.0f} tokens/s  {self._time_left()} left"
            )

    def _on_evaluation(self, trainer: "Trainer", record: EvaluationRecord) -> None:
        loss = "" if record.val_loss is None else f"  validation loss {record.val_loss:.4f}"
        best = "  best so far" if record.is_best else ""
        self.message(f"{self._step(record.step)}{loss}{_shown(record.measures)}{best}")

    def _on_stopping(self, trainer: "Trainer", record: StoppingRecord) -> None:
        self.message(
            f"{self._step(record.step)}  stopping after step {record.last_step:,}, the end of the "
            "phase; press Ctrl-C again to stop at once and lose the phase"
        )

    def _step(self, step: int) -> str:
        total = f"{self._trainer.config.steps:,}"
        return f"step {step:>{len(total)},} of {total}"

    def _average(self, name: str, value: float) -> float:
        before = self._averages.get(name, value)
        self._averages[name] = _SMOOTHING * before + (1 - _SMOOTHING) * value
        return self._averages[name]

    def _time_left(self) -> str:
        done = self._trainer.step - self._first_step
        a_step = (time.perf_counter() - self._began) / done
        seconds = round(a_step * (self._trainer.config.steps - self._trainer.step))
        hours, minutes = seconds // 3600, seconds // 60 % 60
        return (
            f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"
        )


def _shown(measures: dict[str, float]) -> str:
    return "".join(f"  {name} {value:.4g}" for name, value in measures.items())


def _bar(console: Any) -> Any:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("step"),
        MofNCompleteColumn(),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[numbers]}", style="bold"),
        TimeElapsedColumn(),
        TextColumn("elapsed", style="dim"),
        TimeRemainingColumn(),
        TextColumn("left", style="dim"),
        console=console,
        expand=True,
        redirect_stdout=False,  # results go to standard output unchanged
    )
