"""A text file of a corpus, read in blocks."""

import contextlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.text.corpora.checksums import Checksums
from scratchgpt.utf8 import decode_blocks, other_encoding

# Bytes read at a time. More is no faster, and tokenizers need about 200 times as much memory.
BLOCK = 1 << 16


@dataclass(frozen=True)
class Document:
    """A text file.

    Attributes
    ----------
    path : Path
    identity : str
        A string that changes with the content: it includes a checksum.
    name : str, optional
        The name in error messages; by default the path.
    sha256 : str, optional
        The checksum of the file when it was found, if somebody may change the file.
    """

    path: Path
    identity: str
    name: str = ""
    sha256: str = ""

    def __str__(self) -> str:
        return self.name or str(self.path)

    @property
    def has_mark(self) -> bool:
        """Whether the file starts with a byte-order mark, which is not part of its text."""
        with self._opened() as file:
            return file.read(len(BOM_UTF8)) == BOM_UTF8

    @property
    def n_bytes(self) -> int:
        """Size of the text."""
        return self.path.stat().st_size - len(BOM_UTF8) * self.has_mark

    def blocks(self) -> Iterator[str]:
        """Yield the text in pieces of at most BLOCK bytes.

        Raises
        ------
        UserError
            If the file cannot be read or is not UTF-8; the message names the byte.
        """
        with self._opened() as file:
            yield from decode_blocks(iter(lambda: file.read(BLOCK), b""), str(self))

    def check_unchanged(self, checksums: Checksums) -> None:
        """Raise UserError if the file changed since it was found."""
        if self.sha256:
            with self._opened() as file:
                if checksums.sha256(file) != self.sha256:
                    raise UserError(f"{self} changed while it was read; run the command again")

    @contextlib.contextmanager
    def _opened(self) -> Iterator[BufferedReader]:
        try:
            with open(self.path, "rb") as file:
                yield file
        except OSError as error:
            raise UserError(f"cannot read {self}: {error.strerror}") from error


def why_not_text(path: Path) -> str:
    """Return "UTF-16", "UTF-32" or "binary" for a file that is not UTF-8 text, else "".

    A zero byte near the beginning is git's test for binary files.
    """
    try:
        with open(path, "rb") as file:
            beginning = file.read(8192)
    except OSError:
        return ""  # reading the file will raise the error
    return other_encoding(beginning) or ("binary" if b"\0" in beginning else "")
