"""Exact match: the fraction of answers in which every symbol is right."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ExactMatch:
    """The number of right answers, and the wrong answers.

    Attributes
    ----------
    n, n_correct : int
        Number of answers, and of right answers.
    failures : list of (str, str)
        For each wrong answer: the answer and its reference.
    """

    n: int
    n_correct: int
    failures: list[tuple[str, str]]

    @property
    def fraction(self) -> float:
        return self.n_correct / self.n


def exact_match(predictions: Sequence[str], references: Sequence[str]) -> ExactMatch:
    """Compare answers with the right ones, symbol by symbol.

    Parameters
    ----------
    predictions : sequence of str
    references : sequence of str
        The right answer for each prediction.

    Raises
    ------
    ValueError
        If the two lengths differ, or both are empty.

    Examples
    --------
    >>> exact_match(["4", "5"], ["4", "6"])
    ExactMatch(n=2, n_correct=1, failures=[('5', '6')])
    """
    if len(predictions) != len(references):
        raise ValueError(f"there are {len(predictions)} predictions for {len(references)} answers")
    if not references:
        raise ValueError("there are no predictions to compare")
    failures = [
        (given, right)
        for given, right in zip(predictions, references, strict=True)
        if given != right
    ]
    return ExactMatch(len(references), len(references) - len(failures), failures)
