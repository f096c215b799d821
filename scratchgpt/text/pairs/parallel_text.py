"""The class of parallel texts."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scratchgpt.errors import UserError, did_you_mean

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class ParallelText:
    """Sentences and their translations.

    Attributes
    ----------
    source, target : list of str
        Lists of the same length.
    source_name, target_name : str
        The names of the files, for error messages.
    lines : sequence of int
        The line number of each pair.
    languages : (str, str), optional
        The codes of the two languages, if they are known.
    has_splits : bool
        Whether the text is one of the splits train, val and test.

    Raises
    ------
    UserError
        If there are no pairs, or a sentence is empty.
    """

    source: list[str]
    target: list[str]
    source_name: str
    target_name: str
    lines: Sequence[int]
    languages: tuple[str, str] | None = None
    has_splits: bool = False

    def __post_init__(self) -> None:
        if not self.source:
            raise UserError(f"there is no text in {self.source_name}; add some pairs")
        empty = [
            (line, self.source_name if not source.strip() else self.target_name)
            for line, source, target in zip(self.lines, self.source, self.target, strict=True)
            if not source.strip() or not target.strip()
        ]
        if empty:
            line, name = empty[0]
            more = f" (and {len(empty) - 1:,} more)" if len(empty) > 1 else ""
            raise UserError(
                f"line {line:,} of {name} is empty{more}; remove pairs with an empty sentence on "
                "both sides"
            )

    def __len__(self) -> int:
        return len(self.source)

    def where(self, index: int, side: str = "source") -> str:
        """Return the line and file of a sentence, for error messages."""
        name = self.source_name if side == "source" else self.target_name
        return f"line {self.lines[index]:,} of {name}"

    def take(self, rows: Sequence[int]) -> "ParallelText":
        """Select pairs by their indices."""
        return replace(
            self,
            source=[self.source[i] for i in rows],
            target=[self.target[i] for i in rows],
            lines=[self.lines[i] for i in rows],
        )

    @property
    def fingerprint(self) -> str:
        """A hash of all sentences."""
        return hashlib.sha256(json.dumps([self.source, self.target]).encode()).hexdigest()


def check_split(split: str) -> None:
    """Raise UserError if ``split`` is not the name of a split."""
    if split not in SPLITS:
        raise UserError(f"split={split!r} must be train, val or test{did_you_mean(split, SPLITS)}")
