"""Fine-tuning: a GPT is trained on examples with labels or scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from scratchgpt.errors import UserError, counted
from scratchgpt.finetuning import (
    Examples,
    FineTuning,
    InputRows,
    LabeledBatches,
    LabeledRows,
    TextClassifier,
    label_names,
    read_examples,
    split_examples,
)
from scratchgpt.finetuning.baselines import MAJORITY, NAIVE_BAYES, OVERLAP
from scratchgpt.finetuning.examples import check_labels
from scratchgpt.models import GPTClassifier, GPTClassifierConfig
from scratchgpt.recipes.classifiers import classifier_config, new_classifier
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.label_evaluation import MODEL, baseline_scores, evaluate_labels
from scratchgpt.text import (
    CharacterTokenizer,
    ProgressCallback,
    Tokenizer,
    choose_tokenizer,
    train_bpe,
)
from scratchgpt.text.corpora.tokenizer_choice import UntrainedTokenizer
from scratchgpt.text.tables import ENDINGS, is_table

SHOWN = 60  # characters of a text in a sample


@dataclass(frozen=True)
class FineTuneData:
    """The examples that a model is fine-tuned on.

    Attributes
    ----------
    tokenizer : Tokenizer
        Without the three special tokens, which only the model knows.
    config : GPTClassifierConfig
    train, val : LabeledRows
    train_examples, val_examples : Examples
    notes : str
        What was cut, held out or repeated.
    """

    tokenizer: Tokenizer
    config: GPTClassifierConfig
    train: LabeledRows
    val: LabeledRows
    train_examples: Examples
    val_examples: Examples
    notes: str

    @property
    def fingerprint(self) -> str:
        labels = " ".join(map(repr, self.config.labels))
        return f"{self.train.fingerprint} {self.val.fingerprint} {labels}"

    def new_model(self, run: RunConfig) -> GPTClassifier:
        return new_classifier(run, self.config)

    def objective(self, run: RunConfig, model: GPTClassifier) -> FineTuning:
        return FineTuning(model, recompute=run.training.recompute)

    def batches(self, run: RunConfig, model: GPTClassifier) -> LabeledBatches:
        training = run.training
        return LabeledBatches(
            self.train,
            self.val,
            block_size=model.config.block_size,
            batch_size=training.batch_size,
            seed=training.seed,
            val_batches=training.eval_batches,
        )

    def describe(self, model: GPTClassifier) -> str:
        if self.config.is_score:
            what = f"scores of {self.config.center:.3g} ± {self.config.spread:.2g}"
        elif self.config.is_choice:
            what = counted(len(self.config.labels), "choice")
        else:
            what = counted(len(self.config.labels), "label")
        return (
            f"{len(self.train_examples):,} training and "
            f"{counted(len(self.val_examples), 'validation example')} of "
            f"{self.train_examples.name} ({what}){self.notes}"
        )

    def sample(self, model: GPTClassifier, seed: int) -> str:
        """Return a validation example with its label, and what the model predicts."""
        row = seed % len(self.val_examples)
        texts, right = self.val_examples.texts[row], self.val_examples.labels[row]
        [prediction] = TextClassifier(model, self.tokenizer).predict([texts])
        lines = [
            f"{column:12} {' '.join(text.split())[:SHOWN]}"
            for column, text in zip(self.config.columns, texts, strict=True)
        ]
        if prediction.label is None:
            said = f"{prediction.score:.3f}"
        else:
            said = f"{prediction.label} ({prediction.score:.0%})"
        return "\n".join([*lines, f"{'predicted':12} {said}", f"{'right':12} {right}"])

    def evaluate(self, model: GPTClassifier) -> dict[str, float]:
        """Score the model and the baselines on the validation examples."""
        classifier = TextClassifier(model, self.tokenizer)
        evaluation = evaluate_labels(classifier, self.val_examples, None)
        return {**evaluation.scores[MODEL], **self._baselines}

    @cached_property
    def _baselines(self) -> dict[str, float]:
        scores = baseline_scores(self.val_examples, self.train_examples, self.config)
        if self.config.is_score:
            return {f"word_overlap_{name}": value for name, value in scores[OVERLAP].items()}
        return {
            "majority_accuracy": scores[MAJORITY]["accuracy"],
            "naive_bayes_accuracy": scores[NAIVE_BAYES]["accuracy"],
        }


def open_finetune(run: RunConfig, progress: ProgressCallback | None = None) -> FineTuneData:
    """Read the examples of a run, and train its tokenizer if it needs one.

    Raises
    ------
    UserError
        If the tables cannot be read, or their labels do not fit together.
    """
    config = classifier_config(run)
    train, val, notes = read_parts(run.corpus, run.val_fraction, config)
    tokenizer = _tokenizer(run.tokenizer, train)
    config = classifier_config(run, tokenizer.vocab_size, **_labels_of(train, config))
    check_labels(val, config)
    inputs = InputRows(tokenizer, config)
    rows = [LabeledRows(inputs(part.texts), _targets(part, config)) for part in (train, val)]
    if inputs.n_cut:
        notes += (
            f"; {counted(inputs.n_cut, 'example')} longer than block_size={config.block_size}, "
            "whose texts are cut"
        )
    return FineTuneData(tokenizer, config, rows[0], rows[1], train, val, notes)


def read_parts(
    corpus: Sequence[str], val_fraction: float, config: GPTClassifierConfig
) -> tuple[Examples, Examples, str]:
    """Read the training and the validation examples.

    Parameters
    ----------
    corpus : sequence of str
        A table, of which ``val_fraction`` is held out; or a table for each part.
    val_fraction : float
    config : GPTClassifierConfig

    Returns
    -------
    train, val : Examples
    notes : str
        What a person should know, for a message.
    """
    parts = [read_examples(Path(word), config) for word in corpus]
    if len(parts) == 1:
        keep = not (config.is_score or config.is_choice)
        if keep:
            label_names(parts[0], config)  # refuses a single label before anything is held out
        train, val, n_kept = split_examples(parts[0], val_fraction, keep_labels=keep)
        if n_kept:
            few = f"; {counted(n_kept, 'example')} with a rare label not held out"
            return train, val, few
        return train, val, ""
    train, val = parts
    known = set(train.texts)
    n_known = sum(each in known for each in val.texts)
    notes = f"; {counted(n_known, 'validation example')} also in the training table"
    return train, val, notes if n_known else ""


def check_tables(corpus: Sequence[str]) -> None:
    """Raise UserError if the words of a corpus are not one or two tables."""
    forms = f"name a table with examples ({', '.join(ENDINGS)}), or one for training and one"
    if not 1 <= len(corpus) <= 2:
        raise UserError(
            f"{'too many' if corpus else 'no'} tables are given; {forms} for validation"
        )
    for word in corpus:
        if not Path(word).is_file() or not is_table(Path(word)):
            what = "is not a table" if Path(word).exists() else "does not exist"
            raise UserError(f"{word} {what}; {forms} for validation")


def _labels_of(train: Examples, config: GPTClassifierConfig) -> dict[str, object]:
    """Return the fields of the configuration that the training examples determine."""
    if not config.is_score:
        return {"labels": label_names(train, config)}
    scores = np.array([float(label) for label in train.labels])
    if scores.std() == 0:
        raise UserError(
            f"all {counted(len(train), 'training score')} of {train.name} are {scores[0]:g}; "
            "there must be at least two different scores"
        )
    return {"center": float(scores.mean()), "spread": float(scores.std())}


def _targets(examples: Examples, config: GPTClassifierConfig) -> np.ndarray:
    if config.is_score:
        scores = np.array([float(label) for label in examples.labels])
        return (scores - config.center) / config.spread
    numbers = {label: i for i, label in enumerate(config.labels)}
    return np.array([numbers[label] for label in examples.labels], np.int64)


def _tokenizer(spec: str, train: Examples) -> Tokenizer:
    choice = choose_tokenizer(spec)
    if not isinstance(choice, UntrainedTokenizer):
        return choice
    texts = [text for example in train.texts for text in example]
    if choice.bpe_size is not None:
        return train_bpe(texts, choice.bpe_size)
    return CharacterTokenizer(set().union(*texts))
