"""Evaluation of a model that predicts labels or scores, beside simple baselines."""

from dataclasses import dataclass

import numpy as np

from scratchgpt.errors import UserError, counted
from scratchgpt.evaluation import label_scores, pearson, spearman
from scratchgpt.finetuning import Examples, TextClassifier
from scratchgpt.finetuning.baselines import OVERLAP, baseline_labels, word_overlap
from scratchgpt.models import GPTClassifierConfig

MODEL, MEAN = "model", "mean score"


@dataclass(frozen=True)
class LabelEvaluation:
    """Scores of a model and of baselines on examples; ``str`` formats them as a table.

    Attributes
    ----------
    name : str
        Where the examples are from.
    n_examples, n_truncated : int
        Number of examples, and of those that are longer than the model's context.
    scores : dict of str to dict of str to float
        For each method, its scores by name. Scores that are not defined are left out.
    """

    name: str
    n_examples: int
    n_truncated: int
    scores: dict[str, dict[str, float]]

    def as_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "n_examples": self.n_examples,
            "n_truncated": self.n_truncated,
            **self.scores,
        }

    def __str__(self) -> str:
        columns = list(dict.fromkeys(name for each in self.scores.values() for name in each))
        lines = [
            f"{counted(self.n_examples, 'example')} of {self.name}",
            f"{'':12}" + "".join(f"  {name:>9}" for name in columns),
        ]
        for method, scores in self.scores.items():
            cells = [f"{scores[name]:9.4f}" if name in scores else f"{'-':>9}" for name in columns]
            lines.append(f"{method:12}" + "".join(f"  {cell}" for cell in cells))
        if set(self.scores) <= {MODEL, OVERLAP}:
            lines.append("the training table of the run is not there, so baselines are missing")
        if self.n_truncated:
            lines.append(
                f"{counted(self.n_truncated, 'example')} longer than the model's context; the "
                "ends of their texts were not read"
            )
        return "\n".join(lines)


def evaluate_labels(
    classifier: TextClassifier, examples: Examples, train: Examples | None
) -> LabelEvaluation:
    """Predict the labels of examples and compare them with the right ones.

    Parameters
    ----------
    classifier : TextClassifier
    examples : Examples
    train : Examples, optional
        The training examples, for the baselines that learn from them.
    """
    before, config = classifier.n_truncated, classifier.model.config
    predictions = classifier.predict(examples.texts)
    if config.is_score:
        predicted, right = np.array([each.score for each in predictions]), _numbers(examples)
        own = {**_correlations(predicted, right), "rmse": _rmse(predicted, right)}
    else:
        own = _compare([str(each.label) for each in predictions], examples.labels)
    return LabelEvaluation(
        examples.name,
        len(examples),
        classifier.n_truncated - before,
        {MODEL: own, **baseline_scores(examples, train, config)},
    )


def baseline_scores(
    examples: Examples, train: Examples | None, config: GPTClassifierConfig
) -> dict[str, dict[str, float]]:
    """Score the baselines on examples; without training examples, those that need none."""
    if not config.is_score:
        answers = {} if train is None else baseline_labels(train, examples.texts, config)
        return {name: _compare(answer, examples.labels) for name, answer in answers.items()}
    right = _numbers(examples)
    scores = {OVERLAP: _correlations(word_overlap(examples.texts), right)}
    if train is not None:
        scores[MEAN] = {"rmse": _rmse(_numbers(train).mean(), right)}
    return scores


def _compare(answers: list[str], right: list[str]) -> dict[str, float]:
    scores = label_scores(answers, right)
    return {"accuracy": scores.accuracy, "f1": scores.f1, "matthews": scores.matthews}


def _numbers(examples: Examples) -> np.ndarray:
    return np.array([float(label) for label in examples.labels])


def _correlations(predicted: np.ndarray, right: np.ndarray) -> dict[str, float]:
    try:
        return {"pearson": pearson(predicted, right), "spearman": spearman(predicted, right)}
    except UserError:  # there is one example, or all values are equal
        return {}


def _rmse(predicted: np.ndarray | np.floating, right: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted - right) ** 2)))
