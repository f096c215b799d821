"""TextClassifier: texts in, labels out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.finetuning.inputs import InputRows
from scratchgpt.memory import Arena
from scratchgpt.models import GPTClassifier, load_pretrained
from scratchgpt.models.directory import find_directory
from scratchgpt.ops.softmax import softmax_forward
from scratchgpt.text import Tokenizer, load_tokenizer
from scratchgpt.text.micro_batches import micro_batches, pad_rows


class Prediction(NamedTuple):
    """What a model says about an example.

    Attributes
    ----------
    label : str or None
        The most probable label; of several, the first. None for similarity.
    score : float
        The probability of the label; for similarity, the score.
    probabilities : dict of str to float
        The probability of each label, from high to low; empty for similarity.
    """

    label: str | None
    score: float
    probabilities: dict[str, float]


class TextClassifier:
    """Predicts the labels of texts with a fine-tuned model.

    Parameters
    ----------
    model : GPTClassifier
    tokenizer : Tokenizer

    Attributes
    ----------
    labels : tuple of str
        All labels; empty for similarity.
    n_truncated : int
        How many examples have been cut so far, because they are longer than the model's context.

    Raises
    ------
    UserError
        If the tokenizer does not match the model.

    Examples
    --------
    >>> classifier = TextClassifier.from_pretrained("runs/topics")    # doctest: +SKIP
    >>> classifier.predict(["Shares fell on Monday."])[0].label       # doctest: +SKIP
    'business'
    """

    def __init__(self, model: GPTClassifier, tokenizer: Tokenizer) -> None:
        if not model.config.fits_vocabulary(tokenizer.vocab_size):
            raise UserError(
                f"the tokenizer has {counted(tokenizer.vocab_size, 'token')} but the model has "
                f"{model.config.vocab_size}, of which 3 are its own; use the tokenizer.json that "
                "was saved with the model"
            )
        self.model = model
        self.tokenizer = tokenizer
        self._inputs = InputRows(tokenizer, model.config)

    @classmethod
    def from_pretrained(cls, folder: Path | str, *, dtype: Any = np.float32) -> "TextClassifier":
        """Load a model and its tokenizer from the folder of a run or of a model.

        Raises
        ------
        UserError
            If there is no model, or it does not predict labels.
        """
        directory = find_directory(Path(folder))
        model = load_pretrained(directory, dtype=dtype)
        if not isinstance(model, GPTClassifier):
            raise UserError(
                f"the model in {folder} {model.config.task}, it does not predict labels; train "
                "one from it with `scratchgpt finetune --init`"
            )
        return cls(model, load_tokenizer(directory))

    @property
    def labels(self) -> tuple[str, ...]:
        return self.model.config.labels

    @property
    def n_truncated(self) -> int:
        return self._inputs.n_cut

    def logits(
        self, examples: Sequence[str | Sequence[str]], *, tokens_per_batch: int = 4096
    ) -> Array:
        """Compute the outputs of the model: (N, number of labels), or (N, 1) for similarity.

        Parameters
        ----------
        examples : sequence of str, or of sequences of str
            A text each; or its texts, in the order of the configuration's ``columns``.
        tokens_per_batch : int
            Maximum number of tokens that are read at a time.

        Raises
        ------
        UserError
            If an example has another number of texts, a text is empty or cannot be encoded, or the
            model computes NaN.
        """
        config = self.model.config
        rows = self._inputs([self._texts(i, each) for i, each in enumerate(examples, start=1)])
        n_rows = config.n_rows
        widths = np.array([max(map(len, example)) * n_rows for example in rows], np.int64)
        n_outputs = n_rows if config.is_choice else config.n_outputs
        logits = np.empty((len(rows), n_outputs), self.model.dtype)
        arena = Arena()
        for indices in micro_batches(widths, tokens_per_batch):
            flat = [row for i in indices for row in rows[int(i)]]
            tokens, lengths = pad_rows(flat, np.arange(len(flat)), config.block_size)
            shape = len(indices), n_rows
            with arena:
                outputs, _ = self.model.forward(
                    tokens.reshape(*shape, -1), lengths.reshape(shape), language_model=False
                )
                logits[indices] = outputs.logits
        if not np.isfinite(logits).all():
            raise UserError("the model computes NaN or infinity; its weights are damaged")
        return logits

    def probabilities(self, examples: Sequence[str | Sequence[str]]) -> Array:
        """Compute the probability of each label: (N, number of labels)."""
        if self.model.config.is_score:
            raise UserError("a model of similarity has no labels; use predict")
        return softmax_forward(self.logits(examples).astype(np.float64))[0]

    def predict(self, examples: Sequence[str | Sequence[str]]) -> list[Prediction]:
        """Predict the label or the score of each example; the arguments are those of logits."""
        if self.model.config.is_score:
            center, spread = self.model.config.center, self.model.config.spread
            logits = self.logits(examples)[:, 0].astype(np.float64)
            return [Prediction(None, float(center + spread * z), {}) for z in logits]
        predictions = []
        for row in self.probabilities(examples):
            order = np.argsort(-row, kind="stable")
            probabilities = {self.labels[i]: float(row[i]) for i in order}
            predictions.append(
                Prediction(self.labels[order[0]], float(row[order[0]]), probabilities)
            )
        return predictions

    def _texts(self, number: int, example: str | Sequence[str]) -> Sequence[str]:
        columns = self.model.config.columns
        texts = [example] if isinstance(example, str) else list(example)
        if len(texts) != len(columns) or not all(isinstance(text, str) for text in texts):
            raise UserError(
                f"example {number:,} has {counted(len(texts), 'text')}, not {len(columns)}: "
                f"{', '.join(columns)}"
            )
        for column, text in zip(columns, texts, strict=True):
            if not text.strip():
                raise UserError(f"{column} of example {number:,} is empty; remove the example")
        return texts
