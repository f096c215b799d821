"""Settings and results of an evaluation, for all kinds of models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from scratchgpt.evaluation import ExactMatch
from scratchgpt.text import ProgressCallback

N_EXAMPLES = 5  # examples that a table shows
GREEDY_SEARCH = "greedy search"


@dataclass(frozen=True)
class EvaluationSettings:
    """How a model is evaluated.

    Parameters
    ----------
    batch_size : int
        Rows per batch of a text.
    beams : int
        Beam width for translations; 1 is greedy search.
    alpha : float
        Length penalty for translations.
    """

    batch_size: int = 16
    beams: int = 4
    alpha: float = 0.6

    @property
    def search(self) -> str:
        """The search for translations, in words."""
        if self.beams == 1:
            return GREEDY_SEARCH
        return f"beam search with {self.beams} beams and alpha {self.alpha:g}"


class Watcher(NamedTuple):
    """Callbacks that report the progress of an evaluation.

    Attributes
    ----------
    progress : callable, optional
        Called while a corpus is prepared; see :func:`scratchgpt.text.prepare`.
    report : callable, optional
        Called from time to time with a line of text.
    """

    progress: ProgressCallback | None = None
    report: Callable[[str], None] | None = None


class Evaluation(Protocol):
    """The result of an evaluation; ``str`` formats it as a table."""

    def as_dict(self) -> dict[str, object]:
        """Return the result in JSON types."""


@dataclass(frozen=True)
class ExactMatchEvaluation:
    """The fraction of held-out problems of a task that a model answers without a mistake.

    Attributes
    ----------
    task : str
    problems : str
        The word for the problems in the table.
    match : ExactMatch
    search : str
        How the answers were searched.
    """

    task: str
    problems: str
    match: ExactMatch
    search: str = GREEDY_SEARCH

    def as_dict(self) -> dict[str, object]:
        return {
            "task": self.task,
            "exact_match": self.match.fraction,
            "n_problems": self.match.n,
            "search": self.search,
        }

    def __str__(self) -> str:
        match = self.match
        lines = [
            f"exact match    {match.fraction:.2%} of {match.n:,} {self.problems} not trained on, "
            f"by {self.search}"
        ]
        lines += [f"wrong          {w}, right: {r}" for w, r in match.failures[:N_EXAMPLES]]
        return "\n".join(lines)
