"""Language models: a GPT that is trained on text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scratchgpt.errors import UserError, counted
from scratchgpt.evaluation import Perplexity, perplexity
from scratchgpt.generation import SamplingConfig, generate_text
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.models.pretrained import read_config
from scratchgpt.recipes.config import PRESET, RunConfig, Settings
from scratchgpt.recipes.evaluation import EvaluationSettings, Watcher
from scratchgpt.recipes.initial import shortened
from scratchgpt.recipes.limits import check_memory
from scratchgpt.recipes.model_folder import (
    check_vocabulary,
    find_model,
    load_gpt,
    load_gpt_to_evaluate,
)
from scratchgpt.recipes.recipe import OF_ENCODERS, Recipe
from scratchgpt.text import (
    PreparedCorpus,
    ProgressCallback,
    TokenBatches,
    Tokenizer,
    prepare,
)
from scratchgpt.text.batches import windows
from scratchgpt.text.corpora.reuse import find_prepared
from scratchgpt.text.corpora.shards import TokenStream
from scratchgpt.training import NextToken

SAMPLE_TOKENS = 300
SAMPLING = SamplingConfig(temperature=0.8, top_p=0.95)


@dataclass(frozen=True)
class TextData:
    """A prepared corpus that a language model is trained on."""

    corpus: PreparedCorpus

    @property
    def tokenizer(self) -> Tokenizer:
        return self.corpus.tokenizer

    @property
    def fingerprint(self) -> str:
        return self.corpus.fingerprint

    def new_model(self, run: RunConfig) -> GPT:
        model = new_gpt(run, gpt_config(run, vocab_size=self.tokenizer.vocab_size))
        end = self.tokenizer.end_of_text  # after each document of the corpus
        if end is not None and end not in model.special_ids.ends:
            model.special_ids = model.special_ids.with_end(end)
        return model

    def objective(self, run: RunConfig, model: GPT) -> NextToken:
        return NextToken.from_config(model, run.training)

    def batches(self, run: RunConfig, model: GPT) -> TokenBatches:
        return TokenBatches(
            self.corpus.train,
            self.corpus.val,
            block_size=model.config.block_size,
            batch_size=run.training.batch_size,
            seed=run.training.seed,
            val_batches=run.training.eval_batches,
        )

    def describe(self, model: GPT) -> str:
        manifest = self.corpus.manifest
        return (
            f"{counted(manifest.n_tokens, 'token')} ({self.tokenizer.kind}, "
            f"{self.tokenizer.vocab_size} different), the last "
            f"{manifest.n_tokens - manifest.n_train:,} for validation"
        )

    def sample(self, model: GPT, seed: int) -> str:
        """Generate text without a prompt."""
        [result] = generate_text(
            model,
            self.tokenizer,
            [""],
            max_new_tokens=SAMPLE_TOKENS,
            sampling=SAMPLING,
            seed=seed,
        )
        return result.text

    def evaluate(self, model: GPT) -> dict[str, float]:
        return {}  # the validation loss is the only score


def gpt_config(run: RunConfig, **of_tokenizer: int) -> GPTConfig:
    """Return the configuration of the GPT that a run trains; see :meth:`RunConfig.model_config`."""
    if run.init is not None:
        return _initial_config(run, run.init, **of_tokenizer)
    return run.model_config(GPTConfig, **of_tokenizer)


def _initial_config(run: RunConfig, init: str, vocab_size: int | None = None) -> GPTConfig:
    """Return the configuration of the model in ``init``, with dropout and context changed."""
    directory = find_model(Path(init))
    config = read_config(directory)
    if not isinstance(config, GPTConfig) or config.verb != GPTConfig.verb:
        raise UserError(
            f"init={init!r} {config.task}, it does not continue texts; name a GPT, because only "
            "GPTs are trained from an existing model"
        )
    if run.preset != PRESET:
        raise UserError(
            f"preset={run.preset!r} does not apply with init={init!r}, which defines the sizes; "
            "leave out preset"
        )
    if vocab_size is not None:
        check_vocabulary(config, vocab_size, directory)
    changed = GPTConfig.from_dict({**config.as_dict(), **run.model})
    allowed = config.replace(
        dropout=changed.dropout, block_size=min(changed.block_size, config.block_size)
    )
    for name, value in changed.as_dict().items():
        if value != getattr(allowed, name):
            raise UserError(
                f"{name}={value!r} does not fit the model in {init}, which has "
                f"{getattr(config, name)!r}; leave it out"
            )
    return changed


def new_gpt(run: RunConfig, config: GPTConfig) -> GPT:
    """Make the GPT of a run: with random weights, or loaded from ``init``."""
    check_memory(config, run.training.batch_size, only_adapters=run.lora_rank > 0)
    if run.init is None:
        return GPT(config, seed=run.training.seed)
    model = load_gpt(find_model(Path(run.init)), dropout=config.dropout)
    return shortened(model, config.block_size)


@dataclass(frozen=True)
class TextEvaluation:
    """The scores of a model on a text; ``str`` formats them as a table."""

    text: str
    scores: Perplexity

    def as_dict(self) -> dict[str, object]:
        return {"text": self.text, **self.scores._asdict()}

    def __str__(self) -> str:
        scores = self.scores
        return (
            f"loss           {scores.loss:.4f} nats per token\n"
            f"perplexity     {scores.perplexity:.3f}\n"
            f"bits per byte  {scores.bits_per_byte:.4f}\n"
            f"tokens         {scores.n_tokens:,} ({counted(scores.n_bytes, 'byte')}) of {self.text}"
        )


def _evaluate_run(
    model: GPT,
    tokenizer: Tokenizer,
    run: RunConfig,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> TextEvaluation:
    """Evaluate on the validation part of the run's corpus."""
    data = _open(run, watcher.progress)
    if data.tokenizer.fingerprint != tokenizer.fingerprint:
        raise UserError(
            "the corpus of this run has changed: it now gives another tokenizer than the model's; "
            "name the text to evaluate on"
        )
    name = f"the validation part of {', '.join(run.corpus)}"
    return _evaluate(model, tokenizer, data.corpus.val, name, settings)


def _evaluate_corpus(
    model: GPT,
    tokenizer: Tokenizer,
    corpus: Sequence[str],
    settings: EvaluationSettings,
    watcher: Watcher,
) -> TextEvaluation:
    """Evaluate on a whole text."""
    tokens = prepare(corpus, tokenizer, progress=watcher.progress).tokens
    return _evaluate(model, tokenizer, tokens, ", ".join(corpus), settings)


def _evaluate(
    model: GPT, tokenizer: Tokenizer, tokens: TokenStream, name: str, settings: EvaluationSettings
) -> TextEvaluation:
    n_bytes = sum(tokenizer.n_bytes(block) for block in tokens.slice(1, len(tokens)).blocks())
    # Every token except the first is predicted once, from at most block_size tokens before it.
    batches = windows(tokens, model.config.block_size, settings.batch_size)
    losses = NextToken(model).losses(batches)
    return TextEvaluation(name, perplexity(losses, n_bytes))


def _open(run: RunConfig, progress: ProgressCallback | None = None) -> TextData:
    if not run.corpus:
        raise UserError(
            "there is nothing to train on; name a file, a folder, or a corpus such as python-docs"
        )
    return TextData(
        prepare(run.corpus, run.tokenizer, val_fraction=run.val_fraction, progress=progress)
    )


def _defaults(corpus: tuple[str, ...]) -> Settings:
    """Return the tokenizer and the split of a prepared corpus; others have those of RunConfig."""
    prepared = find_prepared(corpus)
    if prepared is None:
        return {}
    return {"tokenizer": corpus[0], "val_fraction": prepared.manifest.val_fraction}


def _check(run: RunConfig) -> None:
    gpt_config(run)


def _unused(run: RunConfig) -> dict[str, str]:
    return {"tokens_per_batch": "the batches of a text have batch_size rows", **OF_ENCODERS}


TEXT = Recipe(
    makes_data=False,
    defaults=_defaults,
    check=_check,
    unused=_unused,
    open=_open,
    load=load_gpt_to_evaluate,
    evaluation=frozenset({"batch_size"}),
    evaluate_run=_evaluate_run,
    evaluate_corpus=_evaluate_corpus,
)
