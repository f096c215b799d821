"""Token shards: files with a fixed number of tokens each, memory-mapped for random access."""

import bisect
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.files import replacing
from scratchgpt.text.cache import cache_directory
from scratchgpt.text.corpora.checksums import remembered_checksums

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
    vocab_size : int, optional
        If it is given, a token outside this vocabulary is refused when it is read.
    """

    def __init__(
        self,
        arrays: Sequence[Array],
        start: int = 0,
        stop: int | None = None,
        *,
        vocab_size: int | None = None,
    ) -> None:
        self._arrays = list(arrays)
        self._vocab_size = vocab_size
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
        first, last = self._start + start, self._start + stop
        return TokenStream(self._arrays, first, last, vocab_size=self._vocab_size)

    def read(self, start: int, n: int) -> Array:
        """Read tokens ``start`` to ``start + n - 1`` into an int64 array (n,).

        Raises
        ------
        ValueError
            If the range is not within the stream.
        UserError
            If a token is not in the vocabulary.
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
        if self._vocab_size is not None and n and tokens.max() >= self._vocab_size:
            raise UserError(
                f"the prepared corpus has token {tokens.max()}, but its tokenizer has only "
                f"{counted(self._vocab_size, 'token')}; prepare the corpus again"
            )
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


def open_shards(
    directory: Path,
    dtype: np.dtype,
    lengths: Sequence[int],
    *,
    sha256: Sequence[str] | None = None,
    vocab_size: int | None = None,
) -> TokenStream:
    """Open all shards in a directory as one stream.

    Parameters
    ----------
    directory : Path
    dtype : dtype
    lengths : sequence of int
        Number of tokens in each shard.
    sha256 : sequence of str, optional
        Checksum of each shard. A shard is read and compared when it is opened for the first time
        and after each change; see :mod:`scratchgpt.text.corpora.checksums`.
    vocab_size : int, optional
        See :class:`TokenStream`.

    Raises
    ------
    UserError
        If a shard is missing, or has the wrong size or checksum.
    """
    arrays = []
    with remembered_checksums(cache_directory()) as checksums:
        for index, length in enumerate(lengths):
            path = shard_path(directory, index)
            try:
                with open(path, "rb") as file:
                    _check_size(path, os.fstat(file.fileno()).st_size, length * dtype.itemsize)
                    if sha256 is not None and checksums.sha256(file) != sha256[index]:
                        raise UserError(
                            f"{path} has changed since it was written: its checksum differs; "
                            f"remove {directory} and prepare the corpus again"
                        )
                    # The same open file, so another one that replaces it now is not mapped.
                    arrays.append(np.asarray(np.memmap(file, dtype, mode="r")))
            except FileNotFoundError:
                _check_size(path, 0, length * dtype.itemsize)
            except OSError as error:
                raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    return TokenStream(arrays, vocab_size=vocab_size)


def _check_size(path: Path, size: int, expected: int) -> None:
    """Raise UserError if a shard does not have the expected number of bytes."""
    if size != expected:
        raise UserError(
            f"{path} has {size} bytes instead of {expected}; remove {path.parent} and prepare the "
            "corpus again"
        )
