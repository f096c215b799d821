"""Decoding of text that comes from outside, and atomic writing of files."""

import codecs
import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from scratchgpt.errors import UserError

BYTE_ORDER_MARK = "\ufeff"
# The first bytes of files in other encodings. Those of UTF-32 begin with those of UTF-16.
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def decode_text(content: bytes) -> str:
    """Decode text in UTF-8; a byte-order mark at its start is not part of the text.

    Raises
    ------
    UnicodeDecodeError
        If the text is not UTF-8; see :func:`not_utf8`.
    """
    return content.decode("utf-8").removeprefix(BYTE_ORDER_MARK)


def decode_blocks(blocks: Iterable[bytes], name: str) -> Iterator[str]:
    """Decode text that is read in blocks, as in :func:`decode_text`.

    Raises
    ------
    UserError
        If the text is not UTF-8; the message has ``name`` and the offset of the byte.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    n_decoded, is_start = 0, True
    for block in chain(blocks, [b""]):
        n_held_back = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            offset = n_decoded - n_held_back + error.start
            raise not_utf8(name, f"at offset {offset}", error) from None
        n_decoded += len(block)
        if text:
            yield text.removeprefix(BYTE_ORDER_MARK) if is_start else text
            is_start = False


def read_text(path: Path) -> str:
    """Read a text file; see :func:`decode_text`."""
    return decode_text(path.read_bytes())


def not_utf8(name: str, place: str, error: UnicodeDecodeError) -> UserError:
    """Create the error to raise for text that is not UTF-8; ``place`` says where its byte is."""
    content = error.object
    reason = error.reason
    if encoding := other_encoding(content):
        reason = f"it is {encoding}"
    return UserError(
        f"{name} is not UTF-8: byte 0x{content[error.start]:02x} {place} ({reason}); convert it, "
        "for example with iconv"
    )


def other_encoding(content: bytes) -> str:
    """Return the encoding that the first bytes of a file declare, if it is not UTF-8, or ""."""
    names = (name for mark, name in _OTHER_ENCODINGS.items() if content.startswith(mark))
    return next(names, "")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Replace a file atomically: ``with replacing(path) as temporary:`` write to ``temporary``.

    At the end of the block, the temporary file is flushed to disk and then renamed to ``path``. A
    reader sees either the old file or the new file, even after a power failure. If writing fails,
    the old file is unchanged.

    Raises
    ------
    UserError
        If the disk is full or the folder cannot be written.
    """
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def make_folder(path: Path) -> None:
    """Create a folder and its parents if they do not exist.

    Raises
    ------
    UserError
        If the folder cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> UserError:
    """Create the error to raise when ``path`` could not be written."""
    reason = error.strerror or str(error)
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, None)  # None: the cause is unknown
    way_out = "free some space or choose another folder" if is_full else "choose another folder"
    return UserError(f"cannot write {path}: {reason}; {way_out}")
