"""A text file of a corpus, read in blocks."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scratchgpt.errors import UserError

# Bytes read at a time. More is no faster, and tokenizers need about 200 times as much memory.
BLOCK = 1 << 16


@dataclass(frozen=True)
class Document:
    """A text file.

    Attributes
    ----------
    path : Path
    identity : str
        A string that changes with the content: path, size and modification time, or a checksum.
    name : str, optional
        The name in error messages; by default the path.
    """

    path: Path
    identity: str
    name: str = ""

    def __str__(self) -> str:
        return self.name or str(self.path)

    @property
    def n_bytes(self) -> int:
        """Size of the file."""
        return self.path.stat().st_size

    def blocks(self) -> Iterator[str]:
        """Yield the text in pieces of at most BLOCK bytes.

        Raises
        ------
        UserError
            If the file cannot be read or is not UTF-8; the message names the byte.
        """
        decoder = codecs.getincrementaldecoder("utf-8")()
        n_decoded = 0
        try:
            with open(self.path, "rb") as file:
                while True:
                    block = file.read(BLOCK)
                    n_held_back = len(decoder.getstate()[0])
                    try:
                        text = decoder.decode(block, final=not block)
                    except UnicodeDecodeError as error:
                        raise self._not_utf8(n_decoded - n_held_back, error) from None
                    if not block:
                        return
                    n_decoded += len(block)
                    yield text
        except OSError as error:
            raise UserError(f"cannot read {self}: {error.strerror}") from error

    def _not_utf8(self, offset: int, error: UnicodeDecodeError) -> UserError:
        """Create the error; ``offset`` is the file offset of the decoder's input."""
        return UserError(
            f"{self} is not UTF-8: byte 0x{error.object[error.start]:02x} at offset "
            f"{offset + error.start} ({error.reason}); convert it, for example with iconv, or "
            "leave it out"
        )


def looks_binary(path: Path) -> bool:
    """Whether a file has a zero byte near its beginning, which is git's test for binary files."""
    try:
        with open(path, "rb") as file:
            return b"\0" in file.read(8192)
    except OSError:
        return False  # reading the file will raise the error
