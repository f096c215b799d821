"""What an evaluation takes and returns, whatever kind of model is evaluated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from scratchgpt.evaluation import ExactMatch
from scratchgpt.text import ProgressCallback

N_EXAMPLES = 5  # examples that a table shows


@dataclass(frozen=True)
class EvaluationSettings:
    """How a model is evaluated.

    Parameters
    ----------
    batch_size : int
        Rows per batch of a text.
    beams : int
        Hypotheses per translation; 1 is greedy.
    alpha : float
        Length penalty of a translation.
    """

    batch_size: int = 16
    beams: int = 4
    alpha: float = 0.6


class Watcher(NamedTuple):
    """Who is told how far an evaluation is.

    Attributes
    ----------
    progress : callable, optional
        Called while a corpus is prepared, as by :func:`scratchgpt.text.prepare`.
    tell : callable, optional
        Called with a line of text now and then.
    """

    progress: ProgressCallback | None = None
    tell: Callable[[str], None] | None = None


class Evaluation(Protocol):
    """The result of an evaluation; ``str`` gives the table that a person reads."""

    def as_dict(self) -> dict[str, object]:
        """Return what a program reads, ready for JSON."""


@dataclass(frozen=True)
class ExactMatchEvaluation:
    """How many held-out problems of a task a model answers without a mistake."""

    task: str
    problems: str  # what they are called
    match: ExactMatch

    def as_dict(self) -> dict[str, object]:
        return {
            "task": self.task,
            "exact_match": self.match.fraction,
            "n_problems": self.match.n,
        }

    def __str__(self) -> str:
        match = self.match
        lines = [
            f"exact match    {match.fraction:.2%} of {match.n:,} {self.problems} not trained on"
        ]
        lines += [f"wrong          {w}, right: {r}" for w, r in match.failures[:N_EXAMPLES]]
        return "\n".join(lines)
