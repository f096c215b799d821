"""Files of named arrays in the safetensors format.

A file is eight bytes that say how long its header is, the header (JSON: the dtype, the shape and
the place of each array), and the arrays. It is read here and not by the library, which would make
a copy of each array on its way: ours is mapped into memory, and its arrays are written straight to
where they belong.
"""

import json
import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.files import replacing

# By the names of the format. NumPy has no bfloat16: it is the upper half of a float32.
DTYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1"},
    **{"U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?"},
}
FLOATS = ("F64", "F32", "F16", "BF16")
LENGTH_BYTES = 8
PIECE_BYTES = 1 << 22  # what is read at a time: it stays in the cache until it has been checked
LFS_POINTER = b"version https://git-lfs"


class StoredTensor(NamedTuple):
    """Where an array is in a file."""

    dtype: str  # as the format calls it
    shape: tuple[int, ...]
    start: int  # in bytes, from the beginning of the file


class TensorFile:
    """A safetensors file, whose header has been read and checked.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    tensors : dict of str to StoredTensor
    metadata : dict of str to str

    Raises
    ------
    UserError
        If the file is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with open(path, "rb") as file:
                n_bytes = file.seek(0, 2)
                file.seek(0)
                header = self._read_header(file, n_bytes)
                metadata = header.pop("__metadata__", {})
                self.metadata = metadata if isinstance(metadata, dict) else {}
                self.tensors = self._place(header, n_bytes)
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise UserError(f"{path} is missing") from None
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror or error}") from error

    def read(self, name: str, out: Array) -> bool:
        """Write an array of the file to ``out``, which may be of another dtype or not contiguous.

        Returns
        -------
        finite : bool
            Whether all of it is.
        """
        finite = True
        is_bfloat16 = self.tensors[name].dtype == "BF16"
        for rows, stored in self._pieces(name):
            with np.errstate(over="ignore"):  # what becomes infinite is told as such
                out[rows] = widen_bfloat16(stored) if is_bfloat16 else stored
            finite = finite and bool(np.isfinite(out[rows]).all())
        return finite

    def holds_twice(self, name: str, other: "TensorFile", other_name: str) -> bool:
        """Whether an array is stored a second time, here or in another file."""
        if self.tensors[name][:2] != other.tensors[other_name][:2]:
            return False
        pairs = zip(self._pieces(name), other._pieces(other_name), strict=True)
        return all(ours.tobytes() == theirs.tobytes() for (_, ours), (_, theirs) in pairs)

    def _pieces(self, name: str) -> Iterator[tuple[Any, Array]]:
        """Views of the file, a few rows each, with the index of those rows.

        The pages of each are given back to the system after it: they would count as memory beside
        the copy that is made of them.
        """
        dtype_name, shape, start = self.tensors[name]
        dtype = np.dtype(DTYPES[dtype_name])
        stored = np.frombuffer(self._map, dtype, math.prod(shape), start).reshape(shape)
        row_bytes = dtype.itemsize * math.prod(shape[1:])
        n_rows = max(1, PIECE_BYTES // max(row_bytes, 1))
        for i in range(0, shape[0] if shape else 1, n_rows):
            rows = slice(i, i + n_rows) if shape else ...
            yield rows, stored[rows]
            self._forget(start + i * row_bytes, stored[rows].nbytes)

    def _forget(self, start: int, n_bytes: int) -> None:
        if hasattr(self._map, "madvise"):
            begin = start - start % mmap.PAGESIZE
            self._map.madvise(mmap.MADV_DONTNEED, begin, start + n_bytes - begin)

    def _read_header(self, file: Any, n_bytes: int) -> dict[str, Any]:
        first = file.read(LENGTH_BYTES)
        length = int.from_bytes(first, "little")
        if n_bytes < LENGTH_BYTES or length > n_bytes - LENGTH_BYTES:
            if LFS_POINTER.startswith(first) and first:
                raise UserError(
                    f"{self.path} is a pointer of Git LFS; fetch the file: git lfs pull"
                )
            raise self._damaged(f"its {n_bytes} bytes end before its header does")
        try:
            header = json.loads(file.read(length))
        except ValueError as error:
            raise self._damaged(f"its header is not JSON ({error})") from error
        if not isinstance(header, dict):
            raise self._damaged("its header is not a JSON object")
        self._header_bytes = LENGTH_BYTES + length
        return header

    def _place(self, header: dict[str, Any], n_bytes: int) -> dict[str, StoredTensor]:
        """Where each array is; they lie side by side and fill the file."""
        tensors, spans = {}, []
        for name, entry in header.items():
            try:
                dtype, shape = entry["dtype"], tuple(entry["shape"])
                begin, end = entry["data_offsets"]
                if any(type(n) is not int or n < 0 for n in (*shape, begin, end)):
                    raise ValueError("a size that is no whole number")
            except (KeyError, TypeError, ValueError) as error:
                raise self._damaged(f"its header does not describe {name}: {error}") from error
            if dtype not in DTYPES:
                known = ", ".join(DTYPES)
                raise UserError(f"{self.path}: {name} is stored as {dtype}, not as one of {known}")
            if end - begin != np.dtype(DTYPES[dtype]).itemsize * math.prod(shape):
                raise self._damaged(f"{name} does not take as many bytes as its shape needs")
            tensors[name] = StoredTensor(dtype, shape, self._header_bytes + begin)
            spans.append((begin, end))
        place = 0
        for begin, end in sorted(spans):
            if begin != place:
                raise self._damaged("its arrays do not lie side by side")
            place = end
        if self._header_bytes + place != n_bytes:
            raise self._damaged(
                f"it has {n_bytes} bytes where its header says {self._header_bytes + place}"
            )
        return tensors

    def _damaged(self, reason: str) -> UserError:
        return UserError(f"{self.path} is damaged or not a safetensors file: {reason}")


def save_tensors(
    path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None
) -> None:
    """Write named arrays as a safetensors file, whole or not at all."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    # safetensors writes arrays that are not contiguous wrongly, without a word.
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    with replacing(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode  # what others may do with a file of ours
        try:
            save_file(contiguous, temporary, metadata=metadata)
        except SafetensorError as error:  # how it reports a full disk
            raise OSError(str(error)) from error
        temporary.chmod(mode)  # safetensors leaves it to its owner alone


def widen_bfloat16(halves: Array) -> Array:
    """bfloat16, whose bits are given as uint16, in float32."""
    return (halves.astype(np.uint32) << 16).view(np.float32)
