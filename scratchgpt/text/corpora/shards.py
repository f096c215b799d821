"""Token shards: files with a fixed number of tokens each, memory-mapped for random access."""

import bisect
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.files import replacing

SHARD_TOKENS = 1 << 23


def token_dtype(vocab_size: int) -> np.dtype:
    """Return the smallest little-endian unsigned integer type that holds every token id."""
    return next(
        np.dtype(name) for name in ("<u1", "<u2", "<u4") if vocab_size - 1 <= np.iinfo(name).max
    )


class TokenStream:
    """A long sequence of tokens in memory-mapped files, or a slice of one.

    Parameters
    ----------
    arrays : sequence of arrays (n_i,)
        The shards, in order.
    start, stop : int
        The range of tokens in this stream; by default all tokens.
    """

    def __init__(self, arrays: Sequence[Array], start: int = 0, stop: int | None = None) -> None:
        self._arrays = list(arrays)
        self._ends = np.cumsum([len(array) for array in arrays]).tolist()
        total = self._ends[-1] if self._ends else 0
        self._start = start
        self._stop = total if stop is None else stop
        if not 0 <= self._start <= self._stop <= total:
            raise ValueError(f"tokens {start} to {stop} are not within the {total} tokens")

    def __len__(self) -> int:
        return self._stop - self._start

    def slice(self, start: int, stop: int) -> "TokenStream":
        """Return a slice of the stream as a stream, without reading tokens."""
        if not 0 <= start <= stop <= len(self):
            raise ValueError(f"tokens {start} to {stop} are not within the {len(self)} tokens")
        return TokenStream(self._arrays, self._start + start, self._start + stop)

    def read(self, start: int, n: int) -> Array:
        """Read tokens ``start`` to ``start + n - 1`` into an int64 array (n,).

        Raises
        ------
        ValueError
            If the range is not within the stream.
        """
        if start < 0 or n < 0 or start + n > len(self):
            raise ValueError(f"tokens {start} to {start + n} are not within the {len(self)} tokens")
        tokens = np.empty(n, np.int64)
        position = self._start + start
        shard = bisect.bisect_right(self._ends, position)
        n_read = 0
        while n_read < n:
            array = self._arrays[shard]
            offset = position + n_read - (self._ends[shard] - len(array))
            part = array[offset : offset + n - n_read]
            tokens[n_read : n_read + len(part)] = part
            n_read += len(part)
            shard += 1
        return tokens

    def blocks(self, size: int = 1 << 20) -> Iterator[Array]:
        """Yield all tokens in order, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.read(start, min(size, len(self) - start))


def shard_path(directory: Path, index: int) -> Path:
    return directory / f"shard-{index:05d}.bin"


def write_shard(directory: Path, index: int, tokens: Array) -> str:
    """Write one shard atomically, and return the SHA-256 of its bytes."""
    with replacing(shard_path(directory, index)) as temporary:
        temporary.write_bytes(tokens.data)
    return hashlib.sha256(tokens.data).hexdigest()


def open_shards(directory: Path, dtype: np.dtype, lengths: Sequence[int]) -> TokenStream:
    """Open all shards in a directory as one stream; only their sizes are read.

    Raises
    ------
    UserError
        If a shard is missing or has the wrong size.
    """
    arrays = []
    for index, length in enumerate(lengths):
        path = shard_path(directory, index)
        size = path.stat().st_size if path.exists() else 0
        if size != length * dtype.itemsize:
            raise UserError(
                f"{path} has {size} bytes instead of {length * dtype.itemsize}; "
                f"remove {directory} and prepare the corpus again"
            )
        arrays.append(np.asarray(np.memmap(path, dtype, mode="r")))
    return TokenStream(arrays)
