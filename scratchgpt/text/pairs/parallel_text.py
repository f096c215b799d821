"""The class of parallel texts."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from scratchgpt.errors import UserError, did_you_mean

# Endings of file names that are not a language.
_FORMATS = ("gz", "txt", "tsv", "jsonl")

SPLITS = ("train", "val", "test")


class Places(NamedTuple):
    """The files and lines that the pairs of a parallel text come from."""

    source_name: str
    target_name: str
    lines: Sequence[int]

    def where(self, index: int, side: str = "source") -> str:
        """Return the line and file of a sentence, for messages."""
        name = self.source_name if side == "source" else self.target_name
        return f"line {self.lines[index]:,} of {name}"


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

    @property
    def places(self) -> "Places":
        """The files and lines of the pairs."""
        return Places(self.source_name, self.target_name, self.lines)

    def where(self, index: int, side: str = "source") -> str:
        """Return the line and file of a sentence, for error messages."""
        return self.places.where(index, side)

    @property
    def target_language(self) -> str | None:
        """The code of the target language, if it is known or in the name of the file.

        Examples of such names are ``test.zh``, ``test.zh.txt.gz`` and ``test.en-zh.tsv``.
        """
        if self.languages is not None:
            return self.languages[1]
        parts = [part for part in Path(self.target_name).name.split(".") if part not in _FORMATS]
        if not parts:
            return None
        of_both = self.source_name == self.target_name
        return parts[-1].rpartition("-")[2] if of_both else parts[-1]

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
