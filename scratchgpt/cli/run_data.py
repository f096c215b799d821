"""The data of a run, as its configuration names it: a prepared corpus, or a generated task."""

from dataclasses import dataclass

from scratchgpt.cli.console import preparation_progress
from scratchgpt.cli.run_config import RunConfig
from scratchgpt.errors import UserError
from scratchgpt.models import GPTConfig
from scratchgpt.text import (
    AdditionTask,
    PreparedCorpus,
    SortTask,
    TokenBatches,
    Tokenizer,
    prepare,
    task_from_spec,
)
from scratchgpt.training import Batches


@dataclass(frozen=True)
class RunData:
    """What a run trains on; either ``corpus`` or ``task`` is there.

    Attributes
    ----------
    tokenizer : Tokenizer
    fingerprint : str
        Names the data, so that a run is not resumed on other data.
    """

    tokenizer: Tokenizer
    fingerprint: str
    corpus: PreparedCorpus | None = None
    task: AdditionTask | SortTask | None = None

    def model_config(self, run: RunConfig) -> GPTConfig:
        """The model that the run describes, for this vocabulary (and the length of the task)."""
        config = run.model_config(self.tokenizer.vocab_size)
        if self.task is None:
            return config
        if "block_size" not in run.model:
            return config.replace(block_size=self.task.block_size)
        if config.block_size < self.task.block_size:
            raise UserError(
                f"block_size={config.block_size} is too short for the task {self.task.spec}, "
                f"whose problems take {self.task.block_size}; leave it out"
            )
        return config

    def batches(self, run: RunConfig, model: GPTConfig) -> Batches:
        """The batches of the run."""
        training = run.training
        if self.task is not None:
            return self.task.batches(training.batch_size, training.seed, training.eval_batches)
        assert self.corpus is not None
        return TokenBatches(
            self.corpus.train,
            self.corpus.val,
            block_size=model.block_size,
            batch_size=training.batch_size,
            seed=training.seed,
            val_batches=training.eval_batches,
        )


def open_data(run: RunConfig) -> RunData:
    """Prepare the corpus of a run, showing how far it is, or make its task.

    Raises
    ------
    UserError
        If there is neither, or the corpus cannot be prepared.
    """
    if run.task is not None:
        task = task_from_spec(run.task)
        return RunData(task.tokenizer, task.spec, task=task)
    if not run.corpus:
        raise UserError(
            "there is nothing to train on; name a file, a folder, or a corpus such as python-docs"
        )
    with preparation_progress() as progress:
        corpus = prepare(
            run.corpus, run.tokenizer, val_fraction=run.val_fraction, progress=progress
        )
    return RunData(corpus.tokenizer, corpus.fingerprint, corpus=corpus)
