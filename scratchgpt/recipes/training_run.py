"""A training run that is ready to start: data, model and trainer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Generic

from scratchgpt.checkpoints import LAST, existing_checkpoint
from scratchgpt.device import array_library
from scratchgpt.errors import UserError
from scratchgpt.models.directory import CONFIG_FILE as MODEL_FILE
from scratchgpt.models.kinds import read_kind
from scratchgpt.models.lora import lora_of, move_model
from scratchgpt.models.lora_files import is_adapter
from scratchgpt.recipes.adapters import new_model
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.data import B, M, RunData
from scratchgpt.recipes.run_file import CONFIG_FILE, write_run_config
from scratchgpt.training import Trainer, TrainResult, find_checkpoint
from scratchgpt.training.agreement import failing_together
from scratchgpt.training.objective import AnyObjective
from scratchgpt.training.resuming import check_same
from scratchgpt.training.workers import ALONE, Workers


class TrainingRun(Generic[M, B]):
    """The data, the model and the trainer of a run; :func:`scratchgpt.recipes.start` makes one.

    Attributes
    ----------
    run : RunConfig
    out_dir : Path
    data : RunData
    model : Layer
        After training, the model with averaged weights if the run averages checkpoints.
    trainer : Trainer
        Takes callbacks; see :meth:`scratchgpt.training.Trainer.on`.
    """

    def __init__(
        self,
        data: RunData[M, B],
        load: Callable[[Path], M],
        run: RunConfig,
        out_dir: Path,
        *,
        resume: bool = False,
        workers: Workers = ALONE,
    ) -> None:
        self.out_dir = out_dir
        self.data = data
        if resume:
            _check_sizes(run, out_dir)
        self.model = new_model(run, data)
        # These scores need generation: compute them in training only if one selects the best model.
        decides = not run.training.best.startswith("val_")
        objective = data.objective(run, self.model)
        if run.device != "cpu":
            _move(objective, run.device)
        self.trainer = Trainer(
            objective,
            data.batches(run, self.model),
            run.training,
            evaluate=self.evaluate if decides else None,
            workers=workers,
            out_dir=out_dir,
            resume=resume,
            tokenizer=data.tokenizer,
            data_fingerprint=data.fingerprint,
        )
        self.run = run = replace(run, training=self.trainer.config)  # with the warm-up of the start
        self._load = load
        with failing_together(workers):
            if workers.rank == 0:
                write_run_config(run, self.model.config, out_dir / CONFIG_FILE, resumed=resume)

    def train(self) -> TrainResult:
        """Train to the last step, or until a signal stops the run."""
        result = self.trainer.train()
        if result.interrupted is None and self.run.training.average > 1:
            self.model = self._load(find_checkpoint(self.out_dir, "average"))
        return result

    def describe(self) -> str:
        """Describe the size of the model and its training data in a few words."""
        size = f"{self.model.store.size:,} parameters"
        if (lora := lora_of(self.model)) is not None:
            size += f" beside {lora.base.size:,} frozen ones"
        return f"{size}, {self.data.describe(self.model)}"

    def sample(self, seed: int = 0) -> str:
        """Return a sample of the model's output, for a person to read."""
        return self.data.sample(self.model, seed)

    def evaluate(self) -> dict[str, float]:
        """Score the model on held-out data; empty if the validation loss is the only score."""
        return self.data.evaluate(self.model)


def _move(objective: AnyObjective, device: str) -> None:
    """Move the model of an objective to a GPU, before its optimizer is created."""
    if not objective.on_gpu:
        raise UserError(
            f"device={device!r}: {type(objective).__name__} trains on the CPU only; leave it out"
        )
    move_model(objective.model, array_library(device))


def _check_sizes(run: RunConfig, out_dir: Path) -> None:
    """Refuse to resume a run whose model is larger than its checkpoint, before it is created."""
    last = existing_checkpoint(out_dir, LAST)
    if last is None or not (last / MODEL_FILE).exists() or is_adapter(last):
        return  # the trainer says what is missing or does not fit
    kind, config = read_kind(last)
    for name, value in run.model.items():
        saved = getattr(config, name, None)
        if type(value) is type(saved) is int and value > saved:
            check_same(out_dir, "model", {name: saved}, {name: value})
    kind.open_weights(last, config)
