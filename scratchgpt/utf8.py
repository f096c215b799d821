"""Decoding of text that comes from outside: files, standard input and downloads."""

import codecs
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
    """Read a text file; see :func:`decode_text`.

    Raises
    ------
    OSError
        If the file cannot be read.
    UserError
        If it is not UTF-8; the message does not have the path.
    """
    try:
        return decode_text(path.read_bytes())
    except UnicodeDecodeError as error:
        raise not_utf8("it", f"at offset {error.start}", error) from None


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
