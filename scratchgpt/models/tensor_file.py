"""Files of named arrays in the safetensors format.

A file consists of the length of the header (eight bytes), the header (JSON with the dtype, shape
and offset of each array), and the arrays. The safetensors library would make a temporary copy of
each array. This reader maps the file into memory, and copies arrays directly to their
destination.
"""

import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array, to_device_of, to_host
from scratchgpt.errors import UserError
from scratchgpt.files import replacing
from scratchgpt.models.pickles import refuse_pickle
from scratchgpt.structured import MAX_BYTES, parse_json

# Names of the format. NumPy has no bfloat16, which is the upper half of a float32.
DTYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"},
    **{"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1"},
    **{"U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?"},
}
FLOATS = ("F64", "F32", "F16", "BF16")
LENGTH_BYTES = 8
MOST_AXES, MOST_ELEMENTS = 32, 1 << 56
PIECE_BYTES = 1 << 22  # read at a time, small enough to be still cached for the check
LFS_POINTER = b"version https://git-lfs"


class StoredTensor(NamedTuple):
    """Dtype, shape and location of an array in a file."""

    dtype: str  # the name in the format
    shape: tuple[int, ...]
    start: int  # byte offset from the beginning of the file


class TensorFile:
    """A safetensors file; the constructor reads and checks its header.

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
        refuse_pickle(path)
        try:
            with open(path, "rb") as file:
                n_bytes = file.seek(0, 2)
                file.seek(0)
                header = self._read_header(file, n_bytes)
                metadata = header.pop("__metadata__", {})
                self.metadata = metadata if isinstance(metadata, dict) else {}
                self.tensors = self._locate_arrays(header, n_bytes)
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise UserError(f"{path} is missing") from None
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror or error}") from error

    def read(self, name: str, out: Array) -> bool:
        """Copy an array of the file to ``out``, which may have another dtype or memory layout.

        Returns
        -------
        finite : bool
            Whether all values are finite.
        """
        finite = True
        is_bfloat16 = self.tensors[name].dtype == "BF16"
        for rows, stored in self._pieces(name):
            with np.errstate(over="ignore"):  # overflow is reported as a non-finite value
                values = widen_bfloat16(stored) if is_bfloat16 else stored
                out[rows] = to_device_of(out, values)
            finite = finite and bool(np.isfinite(out[rows]).all())
        return finite

    def same_data(self, name: str, other: "TensorFile", other_name: str) -> bool:
        """Whether an array equals another one, in this or another file, bit for bit."""
        if self.tensors[name][:2] != other.tensors[other_name][:2]:
            return False
        pairs = zip(self._pieces(name), other._pieces(other_name), strict=True)
        return all(ours.tobytes() == theirs.tobytes() for (_, ours), (_, theirs) in pairs)

    def _pieces(self, name: str) -> Iterator[tuple[Any, Array]]:
        """Yield views of an array in the file, a few rows each, with the index of the rows.

        The memory pages of each view are released after use: otherwise, they would count as
        memory in addition to the copy of the array.
        """
        dtype_name, shape, start = self.tensors[name]
        dtype = np.dtype(DTYPES[dtype_name])
        stored = np.frombuffer(self._map, dtype, math.prod(shape), start)  # on the host
        stored = stored.reshape(shape)
        row_bytes = dtype.itemsize * math.prod(shape[1:])
        n_rows = max(1, PIECE_BYTES // max(row_bytes, 1))
        for i in range(0, shape[0] if shape else 1, n_rows):
            rows = slice(i, i + n_rows) if shape else ...
            yield rows, stored[rows]
            self._release_pages(start + i * row_bytes, stored[rows].nbytes)

    def _release_pages(self, start: int, n_bytes: int) -> None:
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
        if length > MAX_BYTES:
            raise self._damaged(f"its header has {length} bytes, more than {MAX_BYTES >> 20} MiB")
        try:
            header = parse_json(file.read(length).decode(), "its header")
        except UnicodeDecodeError as error:
            raise self._damaged(f"its header is not valid JSON: {error}") from error
        except UserError as error:
            raise self._damaged(str(error)) from error
        if not isinstance(header, dict):
            raise self._damaged("its header is not a JSON object")
        self._header_bytes = LENGTH_BYTES + length
        return header

    def _locate_arrays(self, header: dict[str, Any], n_bytes: int) -> dict[str, StoredTensor]:
        """Return the location of each array; they must be contiguous and fill the file."""
        tensors, spans = {}, []
        for name, entry in header.items():
            try:
                dtype, shape = entry["dtype"], tuple(entry["shape"])
                begin, end = entry["data_offsets"]
                if not isinstance(dtype, str):
                    raise ValueError("a dtype that is not a string")
                if any(type(n) is not int or n < 0 for n in (*shape, begin, end)):
                    raise ValueError("a size that is not a whole number")
                if len(shape) > MOST_AXES or math.prod(n or 1 for n in shape) > MOST_ELEMENTS:
                    raise ValueError("a shape that is too large")
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
                raise self._damaged("its arrays are not contiguous")
            place = end
        if self._header_bytes + place != n_bytes:
            raise self._damaged(
                f"it has {n_bytes} bytes but its header says {self._header_bytes + place}"
            )
        return tensors

    def _damaged(self, reason: str) -> UserError:
        return UserError(f"{self.path} is damaged or not a safetensors file: {reason}")


def save_tensors(
    path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None
) -> None:
    """Write named arrays as a safetensors file, atomically."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    # safetensors silently writes wrong data for arrays that are not contiguous.
    tensors = {name: to_host(array) for name, array in tensors.items()}
    contiguous = {name: np.ascontiguousarray(x) for name, x in tensors.items()}  # on the host
    with replacing(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode  # the permissions of an ordinary file of ours
        try:
            save_file(contiguous, temporary, metadata=metadata)
        except SafetensorError as error:  # raised for a full disk, for instance
            raise OSError(str(error)) from error
        temporary.chmod(mode)  # safetensors makes it readable only by the owner


def widen_bfloat16(halves: Array) -> Array:
    """Convert bfloat16 (bits as uint16) to float32."""
    return (halves.astype(np.uint32) << 16).view(np.float32)
