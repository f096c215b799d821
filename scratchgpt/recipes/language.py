"""The data of a run, as its configuration names it: a prepared corpus, a task, sentence pairs."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from scratchgpt.errors import UserError
from scratchgpt.evaluation.exact_match import exact_match
from scratchgpt.generation import SamplingConfig, generate_text
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.model_folder import find_model, load_gpt
from scratchgpt.recipes.registry import TRANSLATION
from scratchgpt.recipes.translation import TranslationData, open_translation
from scratchgpt.text import (
    AdditionTask,
    ExactMatch,
    PreparedCorpus,
    ProgressCallback,
    SortTask,
    TokenBatches,
    Tokenizer,
    prepare,
    task_from_spec,
)
from scratchgpt.training import Batches

SAMPLE_TOKENS = 300
SAMPLING = SamplingConfig(temperature=0.8, top_p=0.95)


@dataclass(frozen=True)
class RunData:
    """What a language model trains on; either ``corpus`` or ``task`` is there.

    Attributes
    ----------
    tokenizer : Tokenizer
    fingerprint : str
        Names the data, so that a run is not resumed on other data.
    """

    verb: ClassVar[str] = "generate"  # of the command that uses the model

    tokenizer: Tokenizer
    fingerprint: str
    corpus: PreparedCorpus | None = None
    task: AdditionTask | SortTask | None = None

    def new_model(self, run: RunConfig) -> GPT:
        """The model that the run describes, for this vocabulary (and the length of the task)."""
        config = self._model_config(run)
        if run.init is None:
            return GPT(config, seed=run.training.seed)
        model = load_gpt(find_model(Path(run.init)), dropout=config.dropout)
        cropped = config.block_size < model.config.block_size
        return model.crop(config.block_size) if cropped else model

    def _model_config(self, run: RunConfig) -> GPTConfig:
        config = run.model_config(vocab_size=self.tokenizer.vocab_size)
        assert isinstance(config, GPTConfig)
        if self.task is None:
            return config
        if "block_size" not in run.model and run.init is None:
            return config.replace(block_size=self.task.block_size)
        if config.block_size < self.task.block_size:
            raise UserError(
                f"block_size={config.block_size} is too short for the task {self.task.spec}, "
                f"whose problems take {self.task.block_size}; leave it out"
            )
        return config

    def batches(self, run: RunConfig, model: GPT) -> Batches:
        """The batches of the run."""
        training = run.training
        if self.task is not None:
            return self.task.batches(training.batch_size, training.seed, training.eval_batches)
        assert self.corpus is not None
        return TokenBatches(
            self.corpus.train,
            self.corpus.val,
            block_size=model.config.block_size,
            batch_size=training.batch_size,
            seed=training.seed,
            val_batches=training.eval_batches,
        )

    def describe(self, model: GPT) -> str:
        """What there is, in a few words."""
        if self.task is not None:
            return f"the task {self.task.spec}"
        assert self.corpus is not None
        manifest = self.corpus.manifest
        return (
            f"{manifest.n_tokens:,} tokens ({self.tokenizer.kind}, {self.tokenizer.vocab_size} "
            f"of them different), the last {manifest.n_tokens - manifest.n_train:,} to validate"
        )

    def sample(self, model: GPT, seed: int) -> str:
        """Some text that the model writes, or a problem of the task with the model's answer."""
        if self.task is not None:
            prompts, _ = self.task.problems("test")
            prompt = self.tokenizer.decode(prompts[seed % len(prompts)])
            n_tokens = self.task.answer_length
            sampling = SamplingConfig(temperature=0)
        else:
            prompt, n_tokens, sampling = "", SAMPLE_TOKENS, SAMPLING
        results = generate_text(
            model, self.tokenizer, [prompt], max_new_tokens=n_tokens, sampling=sampling, seed=seed
        )
        return prompt + results[0].text

    def exact_match(self, model: GPT) -> ExactMatch | None:
        """How often the model is right, where there are right answers."""
        return exact_match(model, self.task) if self.task is not None else None


def open_data(
    run: RunConfig, progress: ProgressCallback | None = None
) -> RunData | TranslationData:
    """Prepare the corpus of a run, or make its task, or read its pairs.

    Raises
    ------
    UserError
        If there is neither, or the corpus cannot be prepared.
    """
    if run.task == TRANSLATION:
        return open_translation(run)
    if run.task is not None:
        task = task_from_spec(run.task)
        return RunData(task.tokenizer, task.spec, task=task)
    if not run.corpus:
        raise UserError(
            "there is nothing to train on; name a file, a folder, or a corpus such as python-docs"
        )
    corpus = prepare(run.corpus, run.tokenizer, val_fraction=run.val_fraction, progress=progress)
    return RunData(corpus.tokenizer, corpus.fingerprint, corpus=corpus)
