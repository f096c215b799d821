"""Files of arrays with a checksum, and strings as arrays."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.models.tensor_file import DTYPES, TensorFile, save_tensors

CHECKSUM = "checksum"


def save_arrays(path: Path, arrays: dict[str, Array], metadata: dict[str, str]) -> None:
    """Write named arrays atomically as a safetensors file, with a checksum of everything in it.

    Raises
    ------
    UserError
        If the file cannot be written.
    """
    save_tensors(path, arrays, {**metadata, CHECKSUM: _checksum(arrays, metadata)})


def read_arrays(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Read what :func:`save_arrays` wrote.

    Raises
    ------
    UserError
        If the file is missing or damaged.
    """
    file = TensorFile(path)
    arrays = {}
    for name, (dtype, shape, _) in file.tensors.items():
        arrays[name] = np.empty(shape, DTYPES[dtype])
        file.read(name, arrays[name])
    metadata = {key: str(value) for key, value in file.metadata.items() if key != CHECKSUM}
    if file.metadata.get(CHECKSUM) != _checksum(arrays, metadata):
        raise UserError(f"{path} is damaged: its checksum is wrong")
    return arrays, metadata


def pack_strings(strings: Sequence[str]) -> tuple[Array, Array]:
    """Return the bytes of all strings, and the end of each string in them."""
    encoded = [string.encode("utf-8", "surrogateescape") for string in strings]
    ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends


def unpack_strings(content: Array, ends: Array) -> list[str]:
    """Undo :func:`pack_strings`."""
    joined, limits = content.tobytes(), [0, *ends.tolist()]
    return [joined[start:end].decode("utf-8", "surrogateescape") for start, end in pairwise(limits)]


def _checksum(arrays: dict[str, Array], metadata: dict[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(metadata.items())).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()
