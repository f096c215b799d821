"""The class of text pairs: queries and the documents that answer them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from scratchgpt.errors import UserError


@dataclass(frozen=True)
class TextPairs:
    """Queries, and the document that answers each.

    Attributes
    ----------
    queries, documents : list of str
        Lists of the same length.
    groups : list of str, optional
        The group of each pair, such as its file. Pairs of one group are never split into training
        and validation.
    negatives : list of list of str, optional
        For each query, documents that do not answer it; a list may be empty.

    Raises
    ------
    UserError
        If the lists differ in length.
    """

    queries: list[str]
    documents: list[str]
    groups: list[str] | None = None
    negatives: list[list[str]] | None = None

    def __post_init__(self) -> None:
        for name in ("documents", "groups", "negatives"):
            column = getattr(self, name)
            if column is not None and len(column) != len(self.queries):
                raise UserError(
                    f"{name} has the length {len(column):,}, but there are {len(self.queries):,} "
                    "queries; give one for each"
                )

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, indices: Sequence[int]) -> "TextPairs":
        """Select pairs by their indices."""
        return TextPairs(
            [self.queries[i] for i in indices],
            [self.documents[i] for i in indices],
            None if self.groups is None else [self.groups[i] for i in indices],
            None if self.negatives is None else [self.negatives[i] for i in indices],
        )

    @property
    def fingerprint(self) -> str:
        """A hash of all texts."""
        content = json.dumps([self.queries, self.documents, self.negatives])
        return hashlib.sha256(content.encode()).hexdigest()
