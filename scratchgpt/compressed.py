"""Reading of files that may be compressed, within limits: few bytes can hold a huge file."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from scratchgpt.errors import UserError

_GZIP = b"\x1f\x8b"  # the first bytes of every gzip file
_BLOCK = 1 << 20

# Text is seldom compressed to less than a tenth. A small file may be as large as SMALL_BYTES.
MAX_RATIO = 50
SMALL_BYTES = 1 << 26
MAX_BYTES = 1 << 30


def read_compressed(path: Path) -> bytes:
    """Read a file, and decompress it if it is a gzip file, whatever its name.

    Raises
    ------
    UserError
        If the file cannot be read, is damaged, or is much larger than a compressed text.
    """
    try:
        content = path.read_bytes()
        if not content.startswith(_GZIP):
            return content
        return b"".join(_decompressed(path, len(content)))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"cannot decompress {path}: {error}; it is damaged, download it again"
        ) from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


def _decompressed(path: Path, n_compressed: int) -> Iterator[bytes]:
    """Decompress a file in blocks, up to the limit for its size."""
    left = min(max(MAX_RATIO * n_compressed, SMALL_BYTES), MAX_BYTES)
    with gzip.open(path) as file:
        while block := file.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise UserError(
                    f"{path} has {n_compressed:,} bytes and decompresses to far more; if it is "
                    "the right file, decompress it and give the result"
                )
            yield block
