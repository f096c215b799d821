"""The configuration of a GPT that is fine-tuned on labels."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from scratchgpt.arguments import real_number
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.models.config import GPTConfig


class Problem(NamedTuple):
    """A kind of problem that a GPT is fine-tuned on, as in figure 1 of the paper.

    Attributes
    ----------
    columns : tuple of str
        Default names of the texts of an example.
    both_orders : bool
        Whether the two texts are read in both orders.
    """

    columns: tuple[str, ...]
    both_orders: bool = False


PROBLEMS = {
    "classification": Problem(("text",)),
    "entailment": Problem(("premise", "hypothesis")),
    "paraphrase": Problem(("sentence1", "sentence2"), both_orders=True),
    "similarity": Problem(("sentence1", "sentence2"), both_orders=True),
    "choice": Problem(("context", "choice1", "choice2")),
}
N_SPECIAL = 3  # the start, delimiter and extract tokens


@dataclass(frozen=True)
class GPTClassifierConfig(GPTConfig):
    """Sizes and form of a GPT that predicts labels, and the examples that it reads.

    Parameters
    ----------
    problem : {"classification", "entailment", "paraphrase", "similarity", "choice"}
        classification has one text; entailment has two, and their order matters; paraphrase has
        two whose order does not matter; similarity is a paraphrase with a score instead of a
        label; choice has a context and several texts of which one is right.
    columns : tuple of str
        Columns of a table with the texts of an example; give the option once for each.
    label_column : str
        Column of a table with the labels or scores.
    labels : tuple of str
        Names of the labels, in the order of the logits; for choice, those of the choices. Empty
        for similarity.
    center, spread : float
        Mean and standard deviation of the training scores, for similarity. The score is
        ``center + spread * logit``.
    classifier_dropout : float
        Dropout probability before the classifier, in training.
    lm_weight : float
        Weight of the language-model loss in fine-tuning; 0 switches it off.
    """

    kind = "GPT classifier"
    task = "predicts labels of texts"
    verb = "predict"

    problem: str = "classification"
    columns: tuple[str, ...] = ()
    label_column: str = "label"
    labels: tuple[str, ...] = ()
    center: float = 0.0
    spread: float = 1.0
    classifier_dropout: float = 0.1
    lm_weight: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.problem not in PROBLEMS:
            raise UserError(
                f"problem={self.problem!r} is not one of {', '.join(PROBLEMS)}"
                f"{did_you_mean(str(self.problem), PROBLEMS)}"
            )
        if self.vocab_size <= N_SPECIAL:
            raise UserError(
                f"vocab_size={self.vocab_size} must be more than {N_SPECIAL}: the last ones are "
                "the start, delimiter and extract tokens"
            )
        for name in ("columns", "labels"):
            self._check_names(name)
        if not self.columns:
            object.__setattr__(self, "columns", PROBLEMS[self.problem].columns)
        self._check_columns()
        for name in ("center", "spread", "classifier_dropout", "lm_weight"):
            if real_number(getattr(self, name)) is None:
                raise UserError(f"{name}={getattr(self, name)!r} must be a number")
        if not 0 <= self.classifier_dropout < 1:
            raise UserError(
                f"classifier_dropout={self.classifier_dropout!r} must be at least 0 and less than 1"
            )
        if not 0 <= self.lm_weight < math.inf:
            raise UserError(f"lm_weight={self.lm_weight!r} must be finite and not negative")
        if not 0 < self.spread < math.inf:
            raise UserError(f"spread={self.spread!r} must be finite and greater than 0")
        if not abs(self.center) < math.inf:
            raise UserError(f"center={self.center!r} must be finite")

    def _check_names(self, field: str) -> None:
        """Store a list of names as a tuple; refuse anything else, and names that repeat."""
        names: Any = getattr(self, field)
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
            raise UserError(f"{field}={names!r} must be a list of names")
        for i, name in enumerate(names):
            if name in names[:i]:
                raise UserError(f"{field}={list(names)}: {name!r} is there twice; remove one")
        object.__setattr__(self, field, tuple(names))

    def _check_columns(self) -> None:
        n, expected = len(self.columns), len(PROBLEMS[self.problem].columns)
        if self.is_choice and n < expected:
            raise UserError(
                f"columns={list(self.columns)}: a choice needs a context and at least 2 choices"
            )
        if not self.is_choice and n != expected:
            raise UserError(
                f"columns={list(self.columns)}: {self.problem} needs {expected}, not {n}"
            )
        if not isinstance(self.label_column, str) or self.label_column in self.columns:
            raise UserError(
                f"label_column={self.label_column!r} must be the name of another column than those "
                "of the texts"
            )
        if self.is_choice and self.labels and len(self.labels) != n - 1:
            raise UserError(f"labels={list(self.labels)} must name {n - 1} choices")
        if self.is_score and self.labels:
            raise UserError(f"labels={list(self.labels)}: similarity has scores, not labels")

    def as_dict(self) -> dict[str, Any]:
        return {**super().as_dict(), "columns": list(self.columns), "labels": list(self.labels)}

    @property
    def is_choice(self) -> bool:
        """Whether the label says which of several texts is right."""
        return self.problem == "choice"

    @property
    def is_score(self) -> bool:
        """Whether a score is predicted, not a label."""
        return self.problem == "similarity"

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the classifier; one for a score, or for each choice."""
        return 1 if self.is_score or self.is_choice else max(len(self.labels), 1)

    @property
    def n_rows(self) -> int:
        """Number of token sequences of an example: orders of two texts, or choices."""
        if self.is_choice:
            return len(self.columns) - 1
        return 2 if PROBLEMS[self.problem].both_orders else 1

    @property
    def special_tokens(self) -> tuple[int, int, int]:
        """The start, delimiter and extract tokens: the last three of the vocabulary."""
        return self.vocab_size - 3, self.vocab_size - 2, self.vocab_size - 1

    def fits_vocabulary(self, n_tokens: int) -> bool:
        """Whether the model fits ``n_tokens`` tokens, besides the start, delimiter and extract."""
        return super().fits_vocabulary(n_tokens + N_SPECIAL)
