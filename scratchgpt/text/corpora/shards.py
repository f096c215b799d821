"""Tokens on disk: files of a fixed number each, read at random without being loaded."""

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
    """The smallest unsigned type that holds every id, little-endian."""
    return next(
        np.dtype(name) for name in ("<u1", "<u2", "<u4") if vocab_size - 1 <= np.iinfo(name).max
    )


class TokenStream:
    """A long sequence of tokens, or a part of one, in memory-mapped files.

    Parameters
    ----------
    arrays : sequence of arrays (n_i,)
        The shards, one after the other.
    start, stop : int
        The part of them that this stream is; by default all.
    """

    def __init__(self, arrays: Sequence[Array], start: int = 0, stop: int | None = None) -> None:
        self._arrays = list(arrays)
        self._ends = np.cumsum([len(array) for array in arrays]).tolist()
        total = self._ends[-1] if self._ends else 0
        self._start = start
        self._stop = total if stop is None else stop
        if not 0 <= self._start <= self._stop <= total:
            raise ValueError(f"tokens {start} to {stop} are not within the {total} there are")

    def __len__(self) -> int:
        return self._stop - self._start

    def slice(self, start: int, stop: int) -> "TokenStream":
        """A part of the stream, as a stream; reads nothing."""
        if not 0 <= start <= stop <= len(self):
            raise ValueError(f"tokens {start} to {stop} are not within the {len(self)} there are")
        return TokenStream(self._arrays, self._start + start, self._start + stop)

    def read(self, start: int, n: int) -> Array:
        """Tokens ``start`` to ``start + n - 1``, an int64 array (n,).

        Raises
        ------
        ValueError
            If some of them lie outside the stream.
        """
        if start < 0 or n < 0 or start + n > len(self):
            raise ValueError(
                f"tokens {start} to {start + n} are not within the {len(self)} there are"
            )
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
        """All tokens in order, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.read(start, min(size, len(self) - start))


def shard_path(directory: Path, index: int) -> Path:
    return directory / f"shard-{index:05d}.bin"


def write_shard(directory: Path, index: int, tokens: Array) -> str:
    """Write one shard, whole or not at all; returns the SHA-256 of its bytes."""
    with replacing(shard_path(directory, index)) as temporary:
        temporary.write_bytes(tokens.data)
    return hashlib.sha256(tokens.data).hexdigest()


def open_shards(directory: Path, dtype: np.dtype, lengths: Sequence[int]) -> TokenStream:
    """The stream of all shards in a directory; reads nothing but their sizes.

    Raises
    ------
    UserError
        If a shard is missing or has another size than it was written with.
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
