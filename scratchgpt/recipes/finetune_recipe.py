"""The recipes for fine-tuning: settings of the paper, and the evaluation beside baselines."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.finetuning import Examples, TextClassifier, read_examples
from scratchgpt.finetuning.batches import LabeledBatch
from scratchgpt.finetuning.examples import check_labels
from scratchgpt.models import GPTClassifier, load_pretrained
from scratchgpt.recipes.classifiers import PRESET, classifier_config
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.evaluation import EvaluationSettings, Watcher
from scratchgpt.recipes.finetune import check_tables, open_finetune, read_parts
from scratchgpt.recipes.label_evaluation import LabelEvaluation, evaluate_labels
from scratchgpt.recipes.recipe import OF_ENCODERS, Recipe
from scratchgpt.text import Tokenizer

# Radford et al. 2018, section 4.1; betas and epsilon are those of the published code.
_TRAINING: Settings = {
    "epochs": 3,
    "batch_size": 32,
    "lr": 6.25e-5,
    "schedule": "linear",
    "weight_decay": 0.01,
    "beta1": 0.9,
    "beta2": 0.999,
    "grad_clip": 1.0,
    "eval_interval": 100,
    "checkpoint_interval": 100,
}


def _labels(corpus: tuple[str, ...]) -> Settings:
    training = {**_TRAINING, "best": "val_accuracy", "best_mode": "max"}
    return {**_scores(corpus), "training": training}


def _scores(corpus: tuple[str, ...]) -> Settings:
    return {
        "tokenizer": "bpe:4096",
        "preset": PRESET,
        "model": {"dropout": 0.1},
        "training": _TRAINING,
    }


def _check(run: RunConfig) -> None:
    check_tables(run.corpus)
    classifier_config(run)


def _unused(run: RunConfig) -> dict[str, str]:
    reasons = {
        **OF_ENCODERS,
        "label_smoothing": "the loss of fine-tuning smooths no labels",
        "tokens_per_batch": "a batch has batch_size examples",
    }
    if len(run.corpus) == 2:
        reasons["val_fraction"] = "the second table is the validation part"
    return reasons


def _load(directory: Path) -> GPTClassifier:
    model = load_pretrained(directory)
    if not isinstance(model, GPTClassifier):
        raise UserError(
            f"the model in {directory} {model.config.task}; use scratchgpt {model.config.verb}"
        )
    return model


def _evaluate_run(
    model: GPTClassifier,
    tokenizer: Tokenizer,
    run: RunConfig,
    settings: EvaluationSettings,
    watcher: Watcher,
) -> LabelEvaluation:
    """Evaluate on the validation part of a run; its training part is for the baselines."""
    check_tables(run.corpus)
    train, val, _ = read_parts(run.corpus, run.val_fraction, model.config)
    if len(run.corpus) == 1:
        val = Examples(val.texts, val.labels, f"the validation part of {val.name}")
    return _evaluate(model, tokenizer, val, train)


def _evaluate_corpus(
    model: GPTClassifier,
    tokenizer: Tokenizer,
    corpus: Sequence[str],
    settings: EvaluationSettings,
    watcher: Watcher,
) -> LabelEvaluation:
    """Evaluate on a table, without the baselines that learn from training examples."""
    if len(corpus) != 1:
        raise UserError(f"{', '.join(corpus)}: name one table to evaluate on")
    check_tables(corpus)
    return _evaluate(model, tokenizer, read_examples(Path(corpus[0]), model.config), None)


def _evaluate(
    model: GPTClassifier, tokenizer: Tokenizer, examples: Examples, train: Examples | None
) -> LabelEvaluation:
    check_labels(examples, model.config)
    return evaluate_labels(TextClassifier(model, tokenizer), examples, train)


FINETUNE: Recipe[GPTClassifier, LabeledBatch] = Recipe(
    makes_data=False,
    defaults=_labels,
    check=_check,
    unused=_unused,
    open=open_finetune,
    load=_load,
    evaluation=frozenset(),
    evaluate_run=_evaluate_run,
    evaluate_corpus=_evaluate_corpus,
    compares=True,
)
# The best model of scores is that with the lowest loss; there is no accuracy.
FINETUNE_SCORES = replace(FINETUNE, defaults=_scores)
