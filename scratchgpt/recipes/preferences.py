"""The data of runs that learn from preferences: reward models and DPO."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchgpt.chat import (
    EncodedPreferences,
    PreferenceBatch,
    PreferenceBatches,
    Preferences,
    Renderer,
    encode_preferences,
    read_preferences,
)
from scratchgpt.chat.messages import USER
from scratchgpt.chat.synthetic import SYNTHETIC, bayes_accuracy, synthetic_preferences
from scratchgpt.errors import UserError, counted
from scratchgpt.evaluation import BradleyTerry
from scratchgpt.memory import Arena
from scratchgpt.recipes.config import RunConfig
from scratchgpt.text import BPETokenizer
from scratchgpt.text.code.words import words as words_of
from scratchgpt.text.pairs.text_pairs import split_groups
from scratchgpt.training import Objective

TOKENS_PER_BATCH = 4096  # in an evaluation


@dataclass(frozen=True)
class EncodedParts:
    """The training part and the validation part of preferences, as tokens.

    Attributes
    ----------
    tokenizer : BPETokenizer
        With the tokens of its chat format.
    train, val : EncodedPreferences
    val_text : list of Preferences
        Those of ``val``.
    """

    tokenizer: BPETokenizer
    train: EncodedPreferences
    val: EncodedPreferences
    val_text: list[Preferences]

    @property
    def fingerprint(self) -> str:
        return f"{self.train.fingerprint} {self.val.fingerprint}"

    def batches(self, run: RunConfig) -> PreferenceBatches:
        training = run.training
        return PreferenceBatches(
            self.train,
            self.val,
            tokens_per_batch=training.tokens_per_batch,
            seed=training.seed,
            val_batches=training.eval_batches,
        )

    def describe(self) -> str:
        train, val = self.train, self.val
        return (
            f"{counted(train.n_pairs, 'preference')} in {counted(len(train), 'training prompt')}, "
            f"{val.n_pairs:,} in {counted(len(val), 'validation prompt')}{train.notes}"
        )


def split_preferences(run: RunConfig) -> tuple[list[Preferences], list[Preferences]]:
    """Read the preferences of a run, in a training and a validation part.

    Prompts with the same first message of the user are in the same part.

    Raises
    ------
    UserError
        If the preferences cannot be read, or all have the same prompt.
    """
    preferences = read_corpus(run.corpus)
    keys = [next((m.content for m in one.prompt if m.role == USER), "") for one in preferences]
    train, val = split_groups(keys, run.val_fraction)
    if not val:
        raise UserError(
            f"{' and '.join(run.corpus)} has only preferences with the same first message, so that "
            "none can be held out for validation; add others"
        )
    return [preferences[i] for i in train], [preferences[i] for i in val]


def read_corpus(words: Sequence[str]) -> list[Preferences]:
    """Read the preferences that command-line words name: JSONL files, or ``synthetic``."""
    return synthetic_preferences() if is_synthetic(words) else read_preferences(words)


def is_synthetic(words: Sequence[str]) -> bool:
    """Whether the words name the generated preferences, and not a file."""
    return list(words) == [SYNTHETIC] and not os.path.exists(SYNTHETIC)


def encode_parts(
    train: list[Preferences], val: list[Preferences], tokenizer: BPETokenizer, most: int
) -> EncodedParts:
    """Render both parts in at most ``most`` tokens per answer."""
    renderer = Renderer(tokenizer)
    encoded, encoded_val = (encode_preferences(part, renderer, most) for part in (train, val))
    return EncodedParts(tokenizer, encoded, encoded_val, [val[i] for i in encoded_val.kept])


@dataclass(frozen=True)
class PreferenceEvaluation:
    """How many preferences a model predicts; ``str`` formats it as a table.

    Attributes
    ----------
    name : str
    loss : float
    measures : dict of str to float
        The measures of the objective.
    longer : float
        Share of the preferences whose better answer is longer, for comparison.
    by_words : float or None
        Share that the words of the answers predict, learned from the training part of a run, for
        comparison; see :class:`scratchgpt.evaluation.BradleyTerry`.
    bayes : float or None
        Share that the best possible rule predicts, if it is known.
    n_pairs, n_prompts : int
    notes : str
        What is left out.
    """

    name: str
    loss: float
    measures: dict[str, float]
    longer: float
    by_words: float | None
    bayes: float | None
    n_pairs: int
    n_prompts: int
    notes: str

    def as_dict(self) -> dict[str, object]:
        return {**vars(self)}

    def __str__(self) -> str:
        lines = [f"loss                 {self.loss:.4f}"]
        for name, value in self.measures.items():
            shown = f"{value:.2%}" if name == "accuracy" else f"{value:.4f}"
            lines.append(f"{name.replace('_', ' '):20} {shown}")
        lines.append(f"longer answer wins   {self.longer:.2%}")
        if self.by_words is not None:
            lines.append(f"words of the answers {self.by_words:.2%}")
        if self.bayes is not None:
            lines.append(f"best possible        {self.bayes:.2%}")
        lines.append(
            f"preferences          {self.n_pairs:,} in {counted(self.n_prompts, 'prompt')} of "
            f"{self.name}{self.notes}"
        )
        return "\n".join(lines)


def evaluate_preferences(
    objective: Objective[PreferenceBatch, Any],
    batches: PreferenceBatches,
    words: Sequence[str],
    preferences: Sequence[Preferences],
    name: str,
    train: Sequence[Preferences] = (),
) -> PreferenceEvaluation:
    """Average loss and measures of an objective over the validation part, weighted by prompts.

    Parameters
    ----------
    objective : Objective
    batches : PreferenceBatches
    words : sequence of str
        What the preferences were read from.
    preferences : sequence of Preferences
        The preferences of the validation part.
    name : str
        Name of the preferences in the table.
    train : sequence of Preferences
        What the run was trained on, for the baseline on words; by default, there is none.
    """
    total, n_prompts, longer = 0.0, 0.0, 0.0
    sums: dict[str, float] = {}
    arena = Arena()
    for batch in batches.validation_batches():
        weight = objective.weight(batch)
        with arena:
            loss, saved = objective.loss(batch)
            total += weight * float(loss)
            for measure, value in objective.measures(saved).items():
                sums[measure] = sums.get(measure, 0.0) + weight * value
        n_prompts += weight
        difference = batch.lengths[batch.winners] - batch.lengths[batch.losers]
        longer += float((batch.weights * (1 + np.sign(difference)) / 2).sum())
    part = batches.val
    return PreferenceEvaluation(
        name,
        total / n_prompts,
        {measure: value / n_prompts for measure, value in sums.items()},
        longer / n_prompts,
        words_accuracy(train, preferences) if train else None,
        bayes_accuracy(preferences) if is_synthetic(words) else None,
        part.n_pairs,
        len(part),
        part.notes,
    )


def words_accuracy(train: Sequence[Preferences], val: Sequence[Preferences]) -> float:
    """Return the share of ``val`` that the words of the answers predict, learned from ``train``.

    Each prompt has the same weight, and a tie counts one half.
    """
    documents: list[list[str]] = []
    pairs: list[tuple[int, int]] = []
    weights: list[float] = []
    for one in train:
        first = len(documents)
        documents += [words_of(answer) for answer in one.answers]
        pairs += [(first + winner, first + loser) for winner, loser in one.pairs]
        weights += list(np.divide(one.weights, sum(one.weights)))
    model = BradleyTerry(documents, pairs, weights)
    shares = []
    for one in val:
        scores = model.scores([words_of(answer) for answer in one.answers])
        winners, losers = np.array(one.pairs).T
        right = (1 + np.sign(scores[winners] - scores[losers])) / 2
        shares.append(np.average(right, weights=one.weights))
    return float(np.mean(shares))


def batches_of(part: EncodedPreferences) -> PreferenceBatches:
    """Return the batches of an evaluation of all preferences."""
    most = max(TOKENS_PER_BATCH, int(part.widths.max()))
    return PreferenceBatches(part, part, tokens_per_batch=most, seed=0)
