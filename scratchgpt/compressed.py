"""Decompression within limits: a few bytes can hold a huge file."""

import gzip
import io
import zlib
from collections.abc import Iterator

from scratchgpt.errors import UserError, counted

_GZIP = b"\x1f\x8b"  # the first bytes of every gzip file
_BLOCK = 1 << 20

# Text is seldom compressed to less than a tenth. A small file may be as large as SMALL_BYTES.
MAX_RATIO = 50
SMALL_BYTES = 1 << 26
MAX_BYTES = 1 << 30


def decompress(content: bytes, source: str, largest: int = MAX_BYTES) -> bytes:
    """Decompress the content of a gzip file; other content is returned unchanged.

    Parameters
    ----------
    content : bytes
    source : str
        The name of the file, for error messages.
    largest : int
        The limit in bytes. It is lower for a small file, which cannot hold that much text.

    Raises
    ------
    UserError
        If the content is damaged, or larger than the limit after decompression.
    """
    if not content.startswith(_GZIP):
        return content
    limit = min(max(MAX_RATIO * len(content), SMALL_BYTES), largest)
    try:
        return b"".join(_blocks(content, source, limit))
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"cannot decompress {source}: it is not a complete gzip file: {error}; it is damaged, "
            "download it again"
        ) from None


def _blocks(content: bytes, source: str, limit: int) -> Iterator[bytes]:
    n_bytes = 0
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        while block := file.read(_BLOCK):
            n_bytes += len(block)
            if n_bytes > limit:
                raise UserError(
                    f"{source} has more than {counted(limit, 'byte')} after decompression, for "
                    f"{counted(len(content), 'byte')} before; if it is the right file, decompress "
                    "it first"
                )
            yield block
