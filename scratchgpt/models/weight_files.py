"""The weights of a model directory: one safetensors file, or several with an index."""

import json
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.files import write_text
from scratchgpt.models.pickles import refuse_pickle
from scratchgpt.models.tensor_file import FLOATS, TensorFile, save_tensors
from scratchgpt.structured import check_type, read_json

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
METADATA = {"format": "pt"}  # transformers requires it
WRONG_MODEL = "it belongs to a model of another configuration"


class Stored(NamedTuple):
    """An array in a file, with its name there."""

    file: TensorFile
    name: str


def open_weights(directory: Path) -> dict[str, Stored]:
    """Open all arrays of a model directory, by their names in the files.

    Raises
    ------
    UserError
        If a file is missing or damaged, or does not match the index.
    """
    if (directory / WEIGHTS_FILE).exists():
        file = TensorFile(directory / WEIGHTS_FILE)
        return {name: Stored(file, name) for name in file.tensors}
    if (directory / INDEX_FILE).exists():
        return _open_shards(directory)
    refuse_pickle(directory)
    raise UserError(f"{directory / WEIGHTS_FILE} is missing")


def count_elements(stored: dict[str, Stored]) -> int:
    """Return the number of elements of all arrays."""
    return sum(math.prod(one.file.tensors[one.name].shape) for one in stored.values())


def _open_shards(directory: Path) -> dict[str, Stored]:
    places = _read_index(directory / INDEX_FILE)
    shards = sorted(set(places.values()))
    for shard in shards:
        if not os.path.exists(directory / shard):  # False, too, for a name that no file can have
            raise UserError(f"{directory / shard} is missing: {INDEX_FILE} has arrays in it")
    files = {shard: TensorFile(directory / shard) for shard in shards}
    for name, shard in places.items():
        if name not in files[shard].tensors:
            raise UserError(f"{directory / shard} has no array {name!r}, which {INDEX_FILE} names")
    return {name: Stored(files[shard], name) for name, shard in places.items()}


def _read_index(path: Path) -> dict[str, str]:
    """Return the file of each array, by the names of the arrays."""
    try:
        content = read_json(path, any_number=True)
    except UserError as error:
        raise UserError(f"{path} is damaged: {error}") from error
    places: Any = content.get("weight_map") if isinstance(content, dict) else None
    check_type(places, dict[str, str], "weight_map", str(path))
    for shard in set(places.values()):
        if Path(shard).name != shard or not shard.endswith(".safetensors"):
            raise UserError(f"{path} is damaged: it names {shard!r}, not a weight file beside it")
    return places


def save_weights(
    directory: Path, tensors: dict[str, Array], shard_bytes: int | None = None
) -> None:
    """Write ``model.safetensors``, or shards of at most ``shard_bytes`` each with their index.

    Weights that an earlier save left in the other form are deleted, so that they are not read.
    """
    old = _listed_shards(directory)
    shards = _split_into_shards(tensors, shard_bytes)
    if len(shards) == 1:
        save_tensors(directory / WEIGHTS_FILE, tensors, METADATA)
        (directory / INDEX_FILE).unlink(missing_ok=True)
        written = [WEIGHTS_FILE]
    else:
        written = [f"model-{i:05}-of-{len(shards):05}.safetensors" for i in _from_1(shards)]
        for name, shard in zip(written, shards, strict=True):
            save_tensors(directory / name, shard, METADATA)
        places = {key: name for name, shard in zip(written, shards, strict=True) for key in shard}
        total = sum(array.nbytes for array in tensors.values())
        content = {"metadata": {"total_size": total}, "weight_map": places}
        write_text(directory / INDEX_FILE, json.dumps(content, indent=2) + "\n")
        (directory / WEIGHTS_FILE).unlink(missing_ok=True)
    for name in old - set(written):
        if (directory / name).is_file():
            (directory / name).unlink()


def _from_1(items: list[dict[str, Array]]) -> range:
    return range(1, len(items) + 1)


def _listed_shards(directory: Path) -> set[str]:
    """Return the file names in an existing index."""
    try:
        return set(_read_index(directory / INDEX_FILE).values())
    except (FileNotFoundError, UserError):
        return set()


def _split_into_shards(
    tensors: dict[str, Array], shard_bytes: int | None
) -> list[dict[str, Array]]:
    """Assign the arrays in order to shards; an array that does not fit starts a new one."""
    shards: list[dict[str, Array]] = [{}]
    taken = 0
    for name, array in tensors.items():
        if shard_bytes is not None and shards[-1] and taken + array.nbytes > shard_bytes:
            shards.append({})
            taken = 0
        shards[-1][name] = array
        taken += array.nbytes
    return shards


def fill(values: dict[str, Array], stored: dict[str, Stored], where: Path) -> None:
    """Copy stored arrays to the arrays of the same names in ``values``, after checking all.

    A warning lists values that are not finite.

    Parameters
    ----------
    values : dict of str to array
    stored : dict of str to Stored
    where : Path
        The file or directory of the arrays, for error messages.

    Raises
    ------
    UserError
        If the names or shapes differ from those of ``values``, or a dtype is not supported.
    """
    for name in sorted(stored.keys() ^ values.keys()):
        if name in values:
            raise UserError(f"{where} has no array {name!r}: {WRONG_MODEL}")
        raise UserError(f"{where} has an unexpected array {stored[name].name!r}: {WRONG_MODEL}")
    for name, value in values.items():
        file, their_name = stored[name]
        tensor = file.tensors[their_name]
        if tensor.shape != value.shape:
            raise UserError(
                f"{file.path}: {their_name} is {tensor.shape} but the configuration needs "
                f"{value.shape}; {WRONG_MODEL}"
            )
        allowed = ("I8",) if value.dtype == np.int8 else FLOATS
        if tensor.dtype not in allowed:
            raise UserError(
                f"{file.path}: {their_name} is stored as {tensor.dtype}; it is read in "
                f"{', '.join(allowed)}"
            )
    bad = [name for name, value in values.items() if not _read(stored[name], value)]
    warn_not_finite(bad, where)


def warn_not_finite(names: list[str], where: Path) -> None:
    """Warn about values that are not finite, if there are any."""
    if names:
        others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        warnings.warn(f"{where}: {names[0]}{others} has values that are not finite", stacklevel=3)


def _read(stored: Stored, value: Array) -> bool:
    return stored.file.read(stored.name, value)


def load_tensors(path: Path, values: dict[str, Array]) -> None:
    """Fill ``values`` from the arrays of the same names in a safetensors file.

    Raises
    ------
    UserError
        If the file is missing or damaged, or its names or shapes differ from those of ``values``.
    """
    file = TensorFile(path)
    fill(values, {name: Stored(file, name) for name in file.tensors}, path)


def rename(
    stored: dict[str, Stored], new_name: Callable[[str], str | None], where: Path
) -> dict[str, Stored]:
    """Rename stored arrays; those whose new name is None are dropped.

    Raises
    ------
    UserError
        If two arrays get the same name.
    """
    renamed: dict[str, Stored] = {}
    for name, one in stored.items():
        new = new_name(name)
        if new is None:
            continue
        if new in renamed:
            raise UserError(f"{where} has {new!r} twice, as {renamed[new].name!r} and {name!r}")
        renamed[new] = one
    return renamed
