"""Token sequences of different lengths in one array, and pairs of them for translation."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.text.corpora.shards import token_dtype
from scratchgpt.text.pairs.parallel_text import ParallelText, Places
from scratchgpt.text.tokenizers.tokenizer import Tokenizer


class TokenRows(Sequence[Array]):
    """Token sequences of different lengths, stored as two arrays.

    Parameters
    ----------
    tokens : array (n,)
        The tokens of all rows, concatenated.
    lengths : array (N,)
        The length of each row.

    Examples
    --------
    >>> rows = TokenRows(np.array([5, 6, 7, 8, 9]), np.array([2, 0, 3]))
    >>> len(rows), rows[2]
    (3, array([7, 8, 9]))
    >>> rows.padded(np.array([0, 2]), end=1, padding=0)
    array([[5, 6, 1, 0],
           [7, 8, 9, 1]])
    """

    def __init__(self, tokens: Array, lengths: Array) -> None:
        self.tokens = tokens
        self.lengths = lengths
        self._starts = np.cumsum(lengths) - lengths  # (N,)
        if len(tokens) != lengths.sum():
            raise ValueError(f"got {len(tokens)} tokens, but the lengths sum to {lengths.sum()}")

    @classmethod
    def of(cls, rows: Sequence[Array], vocab_size: int) -> "TokenRows":
        """Create from rows (n_i,), with the smallest dtype that holds the vocabulary."""
        dtype = token_dtype(vocab_size)
        lengths = np.array([len(row) for row in rows], np.int64)
        tokens = np.concatenate(rows).astype(dtype) if len(rows) else np.empty(0, dtype)
        return cls(tokens, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index):
        start = self._starts[index]
        return self.tokens[start : start + self.lengths[index]].astype(np.int64)

    def take(self, rows: Array) -> "TokenRows":
        """Select rows by their indices (M,)."""
        lengths = self.lengths[rows]
        return TokenRows(self.tokens[self._places(rows)], lengths)

    def padded(self, rows: Array, *, end: int, padding: int) -> Array:
        """Stack rows with ``end`` after each and then padding: int64 (B, longest + 1)."""
        lengths = self.lengths[rows]
        columns = np.arange(lengths.max() + 1)
        block = np.full((len(rows), len(columns)), padding)
        block[columns < lengths[:, None]] = self.tokens[self._places(rows)]
        block[np.arange(len(rows)), lengths] = end
        return block

    def _places(self, rows: Array) -> Array:
        """Return the positions in ``tokens`` of the tokens of the given rows, row by row."""
        lengths = self.lengths[rows]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return np.repeat(self._starts[rows], lengths) + within


@dataclass(frozen=True)
class TokenPairs:
    """Sentences and their translations as tokens, without special tokens.

    Attributes
    ----------
    source, target : TokenRows
        Row collections of the same length.
    """

    source: TokenRows
    target: TokenRows

    def __len__(self) -> int:
        return len(self.source)

    @property
    def widths(self) -> tuple[Array, Array]:
        """Lengths of each source and each target, including the end of text, (N,) each."""
        return self.source.lengths + 1, self.target.lengths + 1

    def within(self, block_size: int) -> "TokenPairs":
        """Select the pairs that fit a model with a context of ``block_size`` positions."""
        source, target = self.widths
        rows = np.flatnonzero(np.maximum(source, target) <= block_size)
        return self if len(rows) == len(self) else self.take(rows)

    def longer_than(self, block_size: int, places: Places) -> tuple[int, str]:
        """Count the pairs that :meth:`within` leaves out, and return the place of the first.

        The place is an empty string if there are none.
        """
        source, target = (width > block_size for width in self.widths)
        rows = np.flatnonzero(source | target)
        if not rows.size:
            return 0, ""
        first = int(rows[0])
        return len(rows), places.where(first, "source" if source[first] else "target")

    def take(self, rows: Array) -> "TokenPairs":
        """Select pairs by their indices (M,)."""
        return TokenPairs(self.source.take(rows), self.target.take(rows))

    @property
    def fingerprint(self) -> str:
        """A hash of all tokens."""
        digest = hashlib.sha256()
        for side in (self.source, self.target):
            digest.update(side.lengths.astype("<i8").tobytes())
            digest.update(side.tokens.astype("<u4").tobytes())
        return digest.hexdigest()


def encode_pairs(text: ParallelText, tokenizer: Tokenizer) -> TokenPairs:
    """Encode a parallel text.

    Raises
    ------
    UserError
        If a sentence has characters outside the vocabulary; the message names its line.
    """
    sides = []
    for side in ("source", "target"):
        texts: list[str] = getattr(text, side)
        try:
            rows = tokenizer.encode_all(texts)
        except UserError:
            raise _first_error(text, side, tokenizer) from None
        sides.append(TokenRows.of(rows, tokenizer.vocab_size))
    return TokenPairs(*sides)


def _first_error(text: ParallelText, side: str, tokenizer: Tokenizer) -> UserError:
    """Return the error for the first sentence that cannot be encoded, with its line."""
    for index, sentence in enumerate(getattr(text, side)):
        try:
            tokenizer.encode(sentence)
        except UserError as error:
            return UserError(f"{text.where(index, side)}: {error}")
    raise AssertionError("every sentence can be encoded by itself")
