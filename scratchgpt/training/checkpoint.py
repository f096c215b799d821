"""Checkpoints: a model directory plus the training state, to resume a run exactly.

``training_state.safetensors`` holds the moments of the optimizer for each trained parameter (two of
AdamW, one of Muon), and the arrays of the objective's state. ``training_state.json`` holds the
rest.

The metadata of ``training_state.safetensors`` has the step and a checksum of the weights. So a
checkpoint whose files are of different steps, as in a run that was copied while it trained, is
refused.

All randomness in a run is a function of the seed and the step, so these two numbers are also the
state of the random number generators and the position in the data.
"""

import contextlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array, to_host
from scratchgpt.errors import UserError
from scratchgpt.files import write_text
from scratchgpt.layers import Layer
from scratchgpt.models.tensor_file import DTYPES, TensorFile, save_tensors
from scratchgpt.models.weight_files import Stored, fill
from scratchgpt.optim import Optimizer
from scratchgpt.structured import read_json, to_record
from scratchgpt.text.tokenizers.tokenizer import Tokenizer
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.model_files import config_of, load_model, save_model, saved_arrays
from scratchgpt.training.objective import AnyObjective, State

STATE_FILE = "training_state.json"
MOMENTS_FILE = "training_state.safetensors"
FORMAT_VERSION = 1
_LARGEST = 1 << 53  # of steps and seconds
_ARRAY = "objective."  # prefix for the names of arrays of the objective's state
# The only key, because safetensors writes several in any order. Older versions wrote none.
_SAVE = "checkpoint"
_MOMENTS = ("exp_avg", "exp_avg_sq", "momentum_buffer")  # of any optimizer


@dataclass(frozen=True)
class TrainingState:
    """The state of a run that is saved with the weights and moments, for resuming it.

    Attributes
    ----------
    step : int
        Updates made.
    seed : int
    elapsed : float
        Seconds of training.
    best_val_loss, best_step : float, int or None
        Validation loss and step of the best evaluation.
    train_config, model_config : dict
    dtype : str
        Data type of the parameters.
    tokenizer, data : str or None
        Fingerprints; None if the run has no tokenizer or no data fingerprint.
    format_version : int
    best_value : float or None
        Score of the best evaluation that the setting ``best`` names.
    objective : dict
        The state of the objective, without its arrays.
    """

    step: int
    seed: int
    elapsed: float
    best_val_loss: float | None
    best_step: int | None
    train_config: dict[str, Any]
    model_config: dict[str, Any]
    dtype: str
    tokenizer: str | None
    data: str | None
    format_version: int = FORMAT_VERSION
    best_value: float | None = None
    objective: State = field(default_factory=dict)


def settings_of(
    config: TrainConfig, model: Layer, tokenizer: Tokenizer | None, data: str | None
) -> dict[str, Any]:
    """Return the settings of a run by the fields of :class:`TrainingState`."""
    return {
        "seed": config.seed,
        "train_config": config.as_dict(),
        "model_config": config_of(model),
        "dtype": str(model.store.dtype),
        "tokenizer": None if tokenizer is None else tokenizer.fingerprint,
        "data": data,
    }


def save_checkpoint(
    directory: Path,
    objective: AnyObjective,
    moments: dict[str, Array],
    tokenizer: Tokenizer | None,
    state: TrainingState,
) -> None:
    """Write a model directory from which training can be resumed, with the moments by name."""
    save_model(directory, objective.model, tokenizer)
    arrays = {
        _ARRAY + name: value
        for name, value in objective.state().items()
        if isinstance(value, np.ndarray)
    }
    metadata = {_SAVE: f"step {state.step}, weights {_checksum(objective.model)}"}
    save_tensors(directory / MOMENTS_FILE, {**moments, **arrays}, metadata)
    write_text(directory / STATE_FILE, json.dumps(vars(state), indent=2) + "\n")


def json_state(objective: AnyObjective) -> State:
    """Return the state of an objective without its arrays.

    The arrays are saved in ``training_state.safetensors``.

    Raises
    ------
    UserError
        If a value is neither an array nor a JSON value.
    """
    state = {k: v for k, v in objective.state().items() if not isinstance(v, np.ndarray)}
    for name, value in state.items():
        try:
            json.dumps(value)
        except TypeError as error:
            raise UserError(
                f"the state of {type(objective).__name__} cannot be saved: {name!r} is neither an "
                f"array nor a JSON value ({error})"
            ) from None
    return state


def load_checkpoint(
    directory: Path, objective: AnyObjective, optimizer: Optimizer, state: TrainingState
) -> None:
    """Fill the parameters, the moments of ``optimizer`` and the state of the objective.

    Raises
    ------
    UserError
        If a file is missing, damaged, or belongs to another model, objective or step.
    """
    path = directory / MOMENTS_FILE
    with _naming_a_way_out(directory):
        file = TensorFile(path)
        saved_with = file.metadata.get(_SAVE)
        _check_save(saved_with, f"step {state.step},", path, STATE_FILE)
        load_model(directory, objective.model)
        _check_save(saved_with, f"weights {_checksum(objective.model)}", path, "the model")
        store, own = objective.model.store, optimizer.named_moments()
        # Older versions wrote moments of frozen parameters, and other workers have other shards.
        unused = _names_of_moments({*store.frozen, *store.trained}) - own.keys()
        arrays = {name for name in file.tensors if name.startswith(_ARRAY)}
        used = file.tensors.keys() - unused - arrays
        fill(own, {name: Stored(file, name) for name in used}, path)
        saved = dict(state.objective)
        for name in sorted(arrays):
            tensor = file.tensors[name]
            array = np.empty(tensor.shape, DTYPES[tensor.dtype])
            file.read(name, array)
            saved[name.removeprefix(_ARRAY)] = array
        own = objective.state()
        if own.keys() != saved.keys():
            raise UserError(
                f"{directory} holds the state of another objective: {_names(saved)}; "
                f"{type(objective).__name__} has {_names(own)}"
            )
    objective.load_state(saved)


def _checksum(model: Layer) -> str:
    """Return a checksum of the parameters that the files of the model have."""
    checksum = 0
    arrays = saved_arrays(model)
    for name in sorted(arrays):
        value = np.ascontiguousarray(to_host(arrays[name]))
        checksum = zlib.crc32(value.view(np.uint8).data, checksum)
    return f"{checksum:08x}"


def _check_save(saved_with: Any, expected: str, path: Path, other: str) -> None:
    """Raise UserError if the moments were saved with another file; None is of an older version."""
    if saved_with is not None and expected not in str(saved_with):
        raise UserError(
            f"{path} was saved with {saved_with}, and {other} beside it at another time, as in a "
            "run that is copied while it trains"
        )


def _names_of_moments(parameters: Iterable[str]) -> set[str]:
    return {f"{moment}.{name}" for moment in _MOMENTS for name in parameters}


def _names(state: State) -> str:
    return ", ".join(sorted(state)) or "none"


def read_state(directory: Path) -> TrainingState:
    """Read ``training_state.json``.

    Raises
    ------
    UserError
        If the file is missing, damaged, or has another format version.
    """
    path = directory / STATE_FILE
    with _naming_a_way_out(directory):
        try:
            values = read_json(path, any_number=True)
        except FileNotFoundError:
            raise UserError(f"{path} is missing") from None
    version = values.get("format_version") if isinstance(values, dict) else None
    if type(version) is int and version != FORMAT_VERSION:
        raise UserError(
            f"{path} has format version {version}; this scratchgpt reads version "
            f"{FORMAT_VERSION}; resume with the scratchgpt that wrote it"
        )
    with _naming_a_way_out(directory):
        state = to_record(TrainingState, values, str(path))
        for name in ("step", "elapsed"):
            if not 0 <= getattr(state, name) < _LARGEST:
                raise UserError(f"{path} is damaged: {name} is {getattr(state, name)}")
        try:
            TrainConfig.of_run(state.train_config)
        except UserError as error:
            raise UserError(f"{path} is damaged: {error}") from error
    return state


@contextlib.contextmanager
def _naming_a_way_out(directory: Path) -> Iterator[None]:
    """Add to each error inside a ``with`` block what to do about a damaged checkpoint."""
    try:
        yield
    except UserError as error:
        raise UserError(
            f"{error}; start again in another folder, or restore {directory} from a copy"
        ) from error
