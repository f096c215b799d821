"""Model directories: ``config.json`` and ``model.safetensors``, in Hugging Face's layout.

This module does not depend on any class of models: a configuration is the content of its JSON
file, and weights are arrays by their names in the files.
"""

import json
from pathlib import Path
from typing import Any

from scratchgpt.backend import Array
from scratchgpt.checkpoints import run_model
from scratchgpt.errors import UserError
from scratchgpt.files import make_folder, write_text
from scratchgpt.models.pickles import CONFIG_FILE, refuse_pickle
from scratchgpt.models.weight_files import save_weights
from scratchgpt.structured import read_json as read_json_file

GENERATION_FILE = "generation_config.json"


def read_json(directory: Path) -> Any:
    """Read the content of ``config.json``, which is a dict for every scratchgpt model.

    Raises
    ------
    UserError
        If there is no such file, or it cannot be read.
    """
    path = directory / CONFIG_FILE
    try:
        return read_json_file(path, any_number=True)
    except FileNotFoundError:
        refuse_pickle(directory)
        raise UserError(
            f"{directory} is not a model: there is no {CONFIG_FILE} in it; "
            "name a folder that `scratchgpt train --out` made, or of Hugging Face"
        ) from None
    except UserError as error:
        raise UserError(f"cannot read the model in {directory}: {error}") from error


def find_directory(path: Path) -> Path:
    """Return the model directory at ``path``: the folder itself, or the model of the run in it.

    The model of a run is its average checkpoint, or else the best, or else the last.

    Raises
    ------
    UserError
        If ``path`` is not a folder.
    """
    refuse_file(path)
    if not path.is_dir():
        raise UserError(f"there is no folder {path}; name a folder of a model or run")
    return path if (path / CONFIG_FILE).exists() else run_model(path) or path


def refuse_file(path: Path) -> None:
    """Raise UserError if ``path`` is a file in place of the folder of a model."""
    if path.is_file():
        refuse_pickle(path)
        raise UserError(
            f"{path} is a file, not the folder of a model; name a folder, or convert a "
            ".safetensors or .bin file of another program with `scratchgpt import`"
        )


def write_directory(
    directory: Path,
    config: dict[str, Any],
    tensors: dict[str, Array] | None,
    *,
    generation: dict[str, Any] | None = None,
    shard_bytes: int | None = None,
) -> None:
    """Write a model directory; each file is replaced atomically.

    Parameters
    ----------
    directory : Path
        Created if it does not exist.
    config : dict
        The content of ``config.json``, which is written last.
    tensors : dict of str to array, or None
        None writes no weights.
    generation : dict, optional
        The content of ``generation_config.json``; by default the file is not written.
    shard_bytes : int, optional
        Maximum size of a file of weights; by default all weights are in one file.

    Raises
    ------
    UserError
        If the files cannot be written.
    """
    files = {GENERATION_FILE: generation} if generation else {}
    # Convert before writing, so that an error does not leave a part of the folder.
    texts = {
        name: json.dumps(values, indent=2) + "\n"
        for name, values in {**files, CONFIG_FILE: config}.items()
    }
    make_folder(directory)
    if tensors is not None:
        save_weights(directory, tensors, shard_bytes)
    for name, text in texts.items():
        write_text(directory / name, text)
