"""Examples to fine-tune on: texts with a label or a score, from tables."""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scratchgpt.errors import UserError, counted, did_you_mean
from scratchgpt.models import GPTClassifierConfig
from scratchgpt.text.tables import read_columns


@dataclass(frozen=True)
class Examples:
    """Examples of a problem.

    Attributes
    ----------
    texts : list of tuple of str
        The texts of each example, in the order of the configuration's ``columns``.
    labels : list of str
        The label of each example, or its score, as the table has it.
    name : str
        Where they were read, for messages.
    """

    texts: list[tuple[str, ...]]
    labels: list[str]
    name: str

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> "Examples":
        """Select examples by their indices."""
        return Examples(
            [self.texts[row] for row in rows], [self.labels[row] for row in rows], self.name
        )


def read_examples(path: Path, config: GPTClassifierConfig) -> Examples:
    """Read examples from a ``.csv``, ``.tsv`` or ``.jsonl`` table.

    Parameters
    ----------
    path : Path
    config : GPTClassifierConfig
        Names the columns.

    Raises
    ------
    UserError
        If the table cannot be read, a column is missing, or a text or label is empty.
    """
    *columns, labels = read_columns(path, [*config.columns, config.label_column])
    texts = read_texts_of(columns, config, str(path))
    labels = [label.strip() for label in labels]
    for number, label in enumerate(labels, start=1):
        if not label:
            raise UserError(
                f"row {number:,} of {path} has nothing in {config.label_column!r}; remove the row"
            )
    if config.is_score:
        for number, label in enumerate(labels, start=1):
            read_score(label, f"row {number:,} of {path}")
    return Examples(texts, labels, str(path))


def read_texts_of(
    columns: Sequence[Sequence[str]], config: GPTClassifierConfig, name: str
) -> list[tuple[str, ...]]:
    """Return the texts of each row of a table; raise UserError for an empty text."""
    texts = list(zip(*columns, strict=True))
    for number, row in enumerate(texts, start=1):
        for column, text in zip(config.columns, row, strict=True):
            if not text.strip():
                raise UserError(
                    f"row {number:,} of {name} has an empty text in {column!r}; remove the row"
                )
    return texts


def read_score(label: str, where: str) -> float:
    """Convert a score to a number; raise UserError if it is not a finite one."""
    try:
        score = float(label)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise UserError(
            f"{where} has the score {label[:40]!r}, which is not a finite number; correct it, or "
            "use the task paraphrase if these are labels"
        )
    return score


def label_names(examples: Examples, config: GPTClassifierConfig) -> tuple[str, ...]:
    """Return the names of the labels of training examples, in the order of the logits.

    Whole numbers are sorted as numbers. The labels of a choice are the numbers of the choices,
    counted from 0 or from 1; the names of their columns; or any other names, in sorted order.

    Raises
    ------
    UserError
        If there is only one label, or the labels do not match the choices.
    """
    if config.is_score:
        return ()
    found = set(examples.labels)
    if config.is_choice:
        return _choice_names(found, config, examples.name)
    if len(found) == 1:
        raise UserError(
            f"all {counted(len(examples), 'row')} of {examples.name} have the label "
            f"{min(found)!r}; there must be at least two different labels"
        )
    return tuple(sorted(found, key=_rank))


def _choice_names(found: set[str], config: GPTClassifierConfig, name: str) -> tuple[str, ...]:
    columns = config.columns[1:]
    n = len(columns)
    if found <= set(_numbers(1, n - 1)):
        raise UserError(
            f"{config.label_column!r} of {name} has neither 0 nor {n}, so that the first number is "
            "unknown; write the names of the columns as labels"
        )
    for names in (columns, _numbers(0, n), _numbers(1, n)):
        if found <= set(names):
            return tuple(names)
    if len(found) != n:
        raise UserError(
            f"{config.label_column!r} of {name} has {counted(len(found), 'different label')} for "
            f"{n} choices; the labels must be the numbers of the choices, the names of their "
            "columns, or one other name for each"
        )
    return tuple(sorted(found, key=_rank))


def _numbers(first: int, n: int) -> list[str]:
    return [str(first + i) for i in range(n)]


def _rank(label: str) -> tuple[bool, int, str]:
    """Return the place of a label in the order: whole numbers, then other labels."""
    is_number = label.lstrip("-").isdecimal() and label.isascii() and len(label) < 19
    return not is_number, int(label) if is_number else 0, label


def check_labels(examples: Examples, config: GPTClassifierConfig) -> None:
    """Raise UserError if an example has a label that training examples do not have."""
    if config.is_score:
        return
    labels, known = list(config.labels), set(config.labels)
    for number, label in enumerate(examples.labels, start=1):
        if label not in known:
            raise UserError(
                f"row {number:,} of {examples.name} has the label {label!r}, of which there is no "
                f"training example{did_you_mean(label, labels)}"
            )


def split_examples(
    examples: Examples, val_fraction: float, *, keep_labels: bool
) -> tuple[Examples, Examples, int]:
    """Hold out a fraction of the examples for validation.

    A hash of the first text decides, so that the choice is random but fixed, and examples with the
    same first text stay together.

    Parameters
    ----------
    examples : Examples
    val_fraction : float
    keep_labels : bool
        Whether each label needs a training example. Examples that are the only ones of their label
        are then not held out.

    Returns
    -------
    train, val : Examples
    n_kept : int
        How many examples were not held out because training needs their label.

    Raises
    ------
    UserError
        If a part would be empty.
    """
    groups: dict[str, list[int]] = {}
    for row, (first, *_) in enumerate(examples.texts):
        groups.setdefault(first, []).append(row)
    left, held_out, n_kept = Counter(examples.labels), set[int](), 0
    for group in sorted(groups.values(), key=lambda rows: _hash(examples.texts[rows[0]][0])):
        if len(held_out) >= val_fraction * len(examples):
            break
        lost = Counter(examples.labels[row] for row in group)
        if keep_labels and any(left[label] == n for label, n in lost.items()):
            n_kept += len(group)
            continue
        if len(held_out) + len(group) < len(examples):
            held_out.update(group)
            left.subtract(lost)
    if not held_out:
        raise UserError(
            f"none of the {counted(len(examples), 'row')} of {examples.name} can be held out for "
            "validation; give more rows, or a second table"
        )
    train = [row for row in range(len(examples)) if row not in held_out]
    return examples.take(train), examples.take(sorted(held_out)), n_kept


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
