"""The recipe for translation: the settings of the 2017 Transformer, and BLEU, chrF, exact match."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchgpt.errors import UserError, counted
from scratchgpt.evaluation import TranslationScores, mean_loss, translation_scores
from scratchgpt.evaluation.translation_scores import require_sacrebleu
from scratchgpt.generation import translate
from scratchgpt.models import Transformer, TransformerConfig
from scratchgpt.recipes.adapters import WITHOUT_LORA
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.evaluation import (
    N_EXAMPLES,
    Evaluation,
    EvaluationSettings,
    ExactMatchEvaluation,
    Watcher,
)
from scratchgpt.recipes.model_folder import load_transformer
from scratchgpt.recipes.recipe import OF_ENCODERS, Recipe
from scratchgpt.recipes.translation import DATES, losses, match_dates, open_translation
from scratchgpt.text import ParallelText, Tokenizer, encode_pairs, read_pairs, training_pairs
from scratchgpt.text.pairs.pairs import has_splits

TOKENS_PER_BATCH = 4096  # in an evaluation

# Vaswani et al. 2017, section 5, adapted to a corpus of tens of thousands of sentences: few updates
# at a high learning rate, and much dropout.
_TRAINING: dict[str, object] = {
    "steps": 2500,
    "tokens_per_batch": 4096,
    "lr": 2e-3,
    "schedule": "inverse_sqrt",
    "beta1": 0.9,
    "beta2": 0.98,
    "eps": 1e-9,
    "weight_decay": 0.0,
    "label_smoothing": 0.1,
    "average": 5,
    "eval_interval": 200,
    "checkpoint_interval": 100,
    "sample_interval": 200,
}
_SENTENCES: Settings = {
    "tokenizer": "bpe:8000",
    "preset": "transformer-small",
    "model": {"dropout": 0.3},
    "training": _TRAINING,
}
# The supply of dates is endless, so the model cannot overfit and needs no dropout.
_DATES: Settings = {
    "tokenizer": "characters",
    "preset": "transformer-tiny",
    "model": {"dropout": 0.0},
    "training": {
        **_TRAINING,
        "steps": 2400,
        "lr": 3e-3,
        "label_smoothing": 0.0,
        "eval_interval": 250,
        "sample_interval": 250,
    },
}


@dataclass(frozen=True)
class TranslationEvaluation:
    """The scores of a model's translations; ``str`` formats them as a table.

    Attributes
    ----------
    text : str
        Name of the sentence pairs.
    scores : TranslationScores
    loss : float or None
        Mean cross-entropy, in nats per token; None if no reference fits into the model.
    n_pairs : int
        Number of pairs that were translated.
    settings : EvaluationSettings
    seconds : float
        Duration of the translation.
    examples : list of (str, str, str)
        Source, translation and reference of the first pairs.
    notes : list of str
        Which pairs are left out, and what limits the scores.
    """

    text: str
    scores: TranslationScores
    loss: float | None
    n_pairs: int
    settings: EvaluationSettings
    seconds: float
    examples: list[tuple[str, str, str]]
    notes: list[str]

    def as_dict(self) -> dict[str, object]:
        return {
            "text": self.text,
            "bleu": self.scores.bleu,
            "bleu_lowercase": self.scores.bleu_lowercase,
            "chrf": self.scores.chrf,
            "signatures": list(self.scores.signatures),
            "loss": self.loss,
            "n_pairs": self.n_pairs,
            "beams": self.settings.beams,
            "alpha": self.settings.alpha,
            "seconds": self.seconds,
            "notes": self.notes,
            "examples": [
                {"source": source, "translation": translation, "reference": reference}
                for source, translation, reference in self.examples
            ],
        }

    def __str__(self) -> str:
        bleu, bleu_lowercase, chrf, signatures, _ = self.scores
        loss = "none" if self.loss is None else f"{self.loss:.4f} nats per token"
        lines = [
            f"BLEU           {bleu:.2f} ({signatures[0]})",
            f"  lower-cased  {bleu_lowercase:.2f}",
            f"chrF           {chrf:.2f} ({signatures[2]})",
            f"loss           {loss}",
            f"pairs          {self.n_pairs:,} of {self.text}, by {self.settings.search}, "
            f"{self.n_pairs / self.seconds:.1f} per second",
        ]
        return "\n".join(lines + [f"note           {note}" for note in self.notes])


def _defaults(corpus: tuple[str, ...]) -> Settings:
    return _DATES if corpus == (DATES,) else _SENTENCES


def _check(run: RunConfig) -> None:
    if not run.corpus:
        raise UserError(
            "no sentence pairs to train on; name two files, a .tsv, a .jsonl, multi30k or dates"
        )
    if run.init is not None:
        raise UserError(
            f"init={run.init!r}: a translation model cannot start from an existing model; leave "
            "out init"
        )
    run.model_config(TransformerConfig)


def _unused(run: RunConfig) -> dict[str, str]:
    reasons = {"batch_size": "the size of a batch of pairs is tokens_per_batch"}
    reasons |= {**OF_ENCODERS, **WITHOUT_LORA}
    if run.corpus == (DATES,):
        reasons["tokenizer"] = "the dates have their own tokenizer"
    if len(run.corpus) == 1 and has_splits(run.corpus[0]):
        reasons["val_fraction"] = f"{run.corpus[0]} has a validation part"
    return reasons


def _evaluate_run(
    model: Transformer,
    tokenizer: Tokenizer,
    run: RunConfig,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> Evaluation:
    """Evaluate on the test part of the run's corpus, or on its validation part if it has none."""
    if run.corpus == (DATES,):
        return _evaluate_dates(model, tokenizer, settings)
    require_sacrebleu()
    pairs, name = read_pairs(run.corpus, "test"), " and ".join(run.corpus)
    if pairs.has_splits:
        return _evaluate(model, tokenizer, pairs, f"the test part of {name}", settings, watcher)
    _, pairs = training_pairs(run.corpus, run.val_fraction)
    return _evaluate(model, tokenizer, pairs, f"the validation part of {name}", settings, watcher)


def _evaluate_corpus(
    model: Transformer,
    tokenizer: Tokenizer,
    corpus: Sequence[str],
    settings: EvaluationSettings,
    watcher: Watcher,
) -> Evaluation:
    """Evaluate on all pairs of a corpus, or on its test part if it has one."""
    if tuple(corpus) == (DATES,):
        return _evaluate_dates(model, tokenizer, settings)
    require_sacrebleu()
    pairs, name = read_pairs(corpus, "test"), " and ".join(corpus)
    name = f"the test part of {name}" if pairs.has_splits else name
    return _evaluate(model, tokenizer, pairs, name, settings, watcher)


def _evaluate_dates(
    model: Transformer, tokenizer: Tokenizer, settings: EvaluationSettings
) -> ExactMatchEvaluation:
    match = match_dates(model, tokenizer, n_beams=settings.beams, alpha=settings.alpha)
    return ExactMatchEvaluation(DATES, "dates", match, settings.search)


def _evaluate(
    model: Transformer,
    tokenizer: Tokenizer,
    pairs: ParallelText,
    name: str,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> TranslationEvaluation:
    pairs, loss, notes = _fitting(model, tokenizer, pairs, name)
    began = time.perf_counter()

    def report(n: int) -> None:
        if watcher.report is not None:
            watcher.report(f"{n:,} of {len(pairs):,} translated")

    translations = translate(
        model,
        tokenizer,
        pairs.source,
        n_beams=settings.beams,
        alpha=settings.alpha,
        on_progress=report,
    )
    seconds = time.perf_counter() - began
    examples = list(zip(pairs.source, translations, pairs.target, strict=True))[:N_EXAMPLES]
    scores = translation_scores(translations, pairs.target, pairs.target_language)
    notes += [scores.note] if scores.note else []
    return TranslationEvaluation(name, scores, loss, len(pairs), settings, seconds, examples, notes)


def _fitting(
    model: Transformer, tokenizer: Tokenizer, pairs: ParallelText, name: str
) -> tuple[ParallelText, float | None, list[str]]:
    """Return the pairs whose sources fit into the model, the loss, and notes about the others.

    The loss is that of the pairs whose references fit too.
    """
    block_size = model.config.block_size
    tokens = encode_pairs(pairs, tokenizer)
    source, target = (width <= block_size for width in tokens.widths)
    notes = []
    if n := int((~source).sum()):
        place = pairs.where(int(np.argmin(source)))
        long = f"longer than block_size={block_size} (the first is {place})"
        if n == len(pairs):
            raise UserError(f"every source of {name} is {long}; there is nothing to translate")
        notes.append(f"{counted(n, 'pair')} left out of all scores: the source is {long}")
    if n := int((source & ~target).sum()):
        place = pairs.where(int(np.argmax(source & ~target)), "target")
        notes.append(
            f"{counted(n, 'pair')} left out of the loss only: the reference is longer than "
            f"block_size={block_size} (the first is {place})"
        )
    both, loss = np.flatnonzero(source & target), None
    if both.size:
        per_batch = max(TOKENS_PER_BATCH, block_size)
        loss, _ = mean_loss(losses(model, tokenizer, tokens.take(both), per_batch))
    return pairs if source.all() else pairs.take(np.flatnonzero(source).tolist()), loss, notes


TRANSLATION = Recipe(
    makes_data=False,
    defaults=_defaults,
    check=_check,
    unused=_unused,
    open=open_translation,
    load=load_transformer,
    evaluation=frozenset({"beams", "alpha"}),
    evaluate_run=_evaluate_run,
    evaluate_corpus=_evaluate_corpus,
)
