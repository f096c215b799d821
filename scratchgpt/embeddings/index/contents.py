"""What an index knows of files: their pieces, and the words of each piece."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.embeddings.index.arrays import (
    pack_strings,
    read_arrays,
    save_arrays,
    unpack_strings,
)
from scratchgpt.embeddings.pieces.piece import CUTTER_VERSION, Piece
from scratchgpt.errors import UserError
from scratchgpt.evaluation.word_counts import WordCounts
from scratchgpt.text.code.words import words

FORMAT = f"1.{CUTTER_VERSION}"
_PATH_NAMES = 3  # of the end of a path count as words
_SYMBOL_WEIGHT = 2  # how often the words of a symbol count, besides their place in the text
_STRINGS = ("paths", "symbols", "texts", "vocabulary")


class FileEntry(NamedTuple):
    """A file when it was read.

    Attributes
    ----------
    path : str
        An absolute path.
    n_bytes, mtime_ns, read_ns : int
        Size, time of the last change, and when it was read.
    sha256 : bytes
    division : int
        The number of the :class:`scratchgpt.embeddings.index.scanning.Division` of its pieces.
    reason : int
        0, or the number of the reason for which it has no pieces; see ``REASONS`` in
        :mod:`scratchgpt.embeddings.index.scanning`.
    n_pieces : int
    """

    path: str
    n_bytes: int
    mtime_ns: int
    read_ns: int
    sha256: bytes
    division: int
    reason: int
    n_pieces: int


@dataclass
class Contents:
    """All files of an index, sorted by path, and their pieces in the same order.

    Attributes
    ----------
    files : list of FileEntry
    spans : array (N, 2) of int32
        First and last line of each piece.
    symbols, texts : list of str
    keys : list of bytes
        The SHA-256 of each text, by which its vector is found.
    counts : WordCounts
        The words of each piece, of its symbol and of the end of its path.
    """

    files: list[FileEntry]
    spans: Array
    symbols: list[str]
    texts: list[str]
    keys: list[bytes]
    counts: WordCounts

    @classmethod
    def empty(cls) -> "Contents":
        return cls([], np.zeros((0, 2), np.int32), [], [], [], WordCounts.of([]))

    @classmethod
    def of(cls, files: Sequence[tuple[FileEntry, Sequence[Piece]]]) -> "Contents":
        """Count the words of new files."""
        pieces = [piece for _, own in files for piece in own]
        counts = WordCounts.of(
            words(piece.text) + words(piece.symbol) * _SYMBOL_WEIGHT + in_path
            for in_path, own in ((_words_of_path(entry.path), own) for entry, own in files)
            for piece in own
        )
        texts = [piece.text for piece in pieces]
        return cls(
            [entry for entry, _ in files],
            np.array([(piece.first, piece.last) for piece in pieces], np.int32).reshape(-1, 2),
            [piece.symbol for piece in pieces],
            texts,
            [hashlib.sha256(text.encode()).digest() for text in texts],
            counts,
        )

    @property
    def starts(self) -> Array:
        """The number of the first piece of each file, and at the end the number of pieces."""
        return np.cumsum([0, *(entry.n_pieces for entry in self.files)])

    def save(self, path: Path) -> None:
        """Write the contents atomically.

        Raises
        ------
        UserError
            If the file cannot be written.
        """
        numbers = [[*entry[1:4], *entry[5:]] for entry in self.files]
        arrays = {
            "numbers": np.array(numbers, np.int64).reshape(-1, 6),
            "sha256": _digests([entry.sha256 for entry in self.files]),
            "keys": _digests(self.keys),
            "spans": self.spans,
            "starts": self.counts.starts,
            "documents": self.counts.documents,
            "counts": self.counts.counts,
            "lengths": self.counts.lengths,
        }
        paths = [entry.path for entry in self.files]
        columns = (paths, self.symbols, self.texts, list(self.counts.vocabulary))
        for name, strings in zip(_STRINGS, columns, strict=True):
            arrays[name], arrays[f"{name}.ends"] = pack_strings(strings)
        save_arrays(path, arrays, {"format": FORMAT})

    @classmethod
    def read(cls, path: Path) -> "Contents":
        """Read what :meth:`save` wrote.

        Raises
        ------
        UserError
            If the file is missing or damaged, or another version of scratchgpt wrote it.
        """
        arrays, metadata = read_arrays(path)
        if metadata.get("format") != FORMAT:
            raise UserError(f"{path} was written by another version of scratchgpt")
        paths, symbols, texts, vocabulary = (
            unpack_strings(arrays[name], arrays[f"{name}.ends"]) for name in _STRINGS
        )
        files = [
            FileEntry(path, n_bytes, mtime_ns, read_ns, digest, *others)
            for path, (n_bytes, mtime_ns, read_ns, *others), digest in zip(
                paths, arrays["numbers"].tolist(), _keys(arrays["sha256"]), strict=True
            )
        ]
        counts = WordCounts(
            {word: i for i, word in enumerate(vocabulary)},
            *(arrays[name] for name in ("starts", "documents", "counts", "lengths")),
        )
        return cls(files, arrays["spans"], symbols, texts, _keys(arrays["keys"]), counts)


def merged(old: Contents, new: Contents) -> Contents:
    """Return the files of two contents, sorted by path; no path is in both."""
    starts = [*old.starts[:-1].tolist(), *(new.starts[:-1] + len(old.texts)).tolist()]
    files = old.files + new.files
    order = sorted(range(len(files)), key=lambda i: files[i].path)
    rows = [row for i in order for row in range(starts[i], starts[i] + files[i].n_pieces)]
    chosen = np.array(rows, np.int64)
    symbols, texts = old.symbols + new.symbols, old.texts + new.texts
    keys = old.keys + new.keys
    return Contents(
        [files[i] for i in order],
        np.concatenate([old.spans, new.spans])[chosen],
        [symbols[row] for row in rows],
        [texts[row] for row in rows],
        [keys[row] for row in rows],
        old.counts.followed_by(new.counts).take(chosen),
    )


def only_files(contents: Contents, kept: Sequence[bool]) -> Contents:
    """Return the contents without some files."""
    rows = np.repeat(kept, [entry.n_pieces for entry in contents.files]).nonzero()[0]
    listed = rows.tolist()
    return Contents(
        [entry for entry, is_kept in zip(contents.files, kept, strict=True) if is_kept],
        contents.spans[rows],
        [contents.symbols[row] for row in listed],
        [contents.texts[row] for row in listed],
        [contents.keys[row] for row in listed],
        contents.counts.take(rows),
    )


def _words_of_path(path: str) -> list[str]:
    return words(" ".join(PurePath(path).with_suffix("").parts[-_PATH_NAMES:]))


def _digests(digests: Sequence[bytes]) -> Array:
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32)


def _keys(digests: Array) -> list[bytes]:
    content = digests.tobytes()
    return [content[i : i + 32] for i in range(0, len(content), 32)]
