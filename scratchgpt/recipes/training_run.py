"""A training run that is ready to start: data, model and trainer."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Generic

from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.data import B, M, RunData
from scratchgpt.recipes.run_file import CONFIG_FILE, write_run_config
from scratchgpt.training import Trainer, TrainResult, find_checkpoint


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
    ) -> None:
        self.out_dir = out_dir
        self.data = data
        self.model = data.new_model(run)
        # These scores need generation: compute them in training only if one selects the best model.
        decides = not run.training.best.startswith("val_")
        self.trainer = Trainer(
            data.objective(run, self.model),
            data.batches(run, self.model),
            run.training,
            evaluate=self.evaluate if decides else None,
            out_dir=out_dir,
            resume=resume,
            tokenizer=data.tokenizer,
            data_fingerprint=data.fingerprint,
        )
        self.run = run = replace(run, training=self.trainer.config)  # with the warm-up of the start
        self._load = load
        write_run_config(run, self.model.config, out_dir / CONFIG_FILE, resumed=resume)

    def train(self) -> TrainResult:
        """Train to the last step, or until a signal stops the run."""
        result = self.trainer.train()
        if result.interrupted is None and self.run.training.average > 1:
            self.model = self._load(find_checkpoint(self.out_dir, "average"))
        return result

    def describe(self) -> str:
        """Describe the size of the model and its training data in a few words."""
        return f"{self.model.store.size:,} parameters, {self.data.describe(self.model)}"

    def sample(self, seed: int = 0) -> str:
        """Return a sample of the model's output, for a person to read."""
        return self.data.sample(self.model, seed)

    def evaluate(self) -> dict[str, float]:
        """Score the model on held-out data; empty if the validation loss is the only score."""
        return self.data.evaluate(self.model)
