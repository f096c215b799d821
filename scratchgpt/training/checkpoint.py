"""Checkpoints: a model directory, and what it takes to go on exactly where training stopped.

``training_state.safetensors`` has both moments of AdamW for each trained parameter and the arrays
of the objective's state, ``training_state.json`` the rest.

All randomness of a run is a function of the seed and the step, so these two numbers are
the state of the random streams and the data cursor.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.errors import UserError
from scratchgpt.files import write_text
from scratchgpt.layers import Layer
from scratchgpt.models.tensor_file import DTYPES, TensorFile, save_tensors
from scratchgpt.models.weight_files import Stored, fill
from scratchgpt.optim import AdamW
from scratchgpt.text.tokenizers.tokenizer import Tokenizer
from scratchgpt.training.config import CHANGEABLE, TrainConfig
from scratchgpt.training.model_files import load_model, save_model
from scratchgpt.training.objective import AnyObjective, State

STATE_FILE = "training_state.json"
MOMENTS_FILE = "training_state.safetensors"
FORMAT_VERSION = 1
_ARRAY = "objective."  # before the name of an array of the objective's state


@dataclass(frozen=True)
class TrainingState:
    """What a run has to know, beside weights and moments, to go on.

    Attributes
    ----------
    step : int
        Updates made.
    seed : int
    elapsed : float
        Seconds of training.
    best_val_loss, best_step : float, int or None
        Of the best evaluation.
    train_config, model_config : dict
    dtype : str
        Of the parameters.
    tokenizer, data : str or None
        Fingerprints; None where the run was not given one.
    format_version : int
    best_value : float or None
        Of the best evaluation, the value that ``best`` names.
    objective : dict
        The state of the objective, arrays left out.
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


def save_checkpoint(
    directory: Path,
    objective: AnyObjective,
    optimizer: AdamW,
    tokenizer: Tokenizer | None,
    state: TrainingState,
) -> None:
    """Write a model directory from which training can go on."""
    save_model(directory, objective.model, tokenizer)
    arrays = {
        _ARRAY + name: value
        for name, value in objective.state().items()
        if isinstance(value, np.ndarray)
    }
    save_tensors(directory / MOMENTS_FILE, {**optimizer.named_moments(), **arrays})
    write_text(directory / STATE_FILE, json.dumps(vars(state), indent=2) + "\n")


def json_state(objective: AnyObjective) -> State:
    """The state of an objective without its arrays, which stand in the file of the moments.

    Raises
    ------
    UserError
        If a value is neither an array nor what JSON has.
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
    directory: Path, objective: AnyObjective, optimizer: AdamW, state: TrainingState
) -> None:
    """Fill the parameters, the moments of ``optimizer`` and the state of the objective.

    Raises
    ------
    UserError
        If a file is missing, damaged, or belongs to another model or objective.
    """
    path = directory / MOMENTS_FILE
    try:
        load_model(directory, objective.model)
        file = TensorFile(path)
        unused = _frozen_moments(objective.model)
        arrays = {name for name in file.tensors if name.startswith(_ARRAY)}
        stored = {name: Stored(file, name) for name in file.tensors.keys() - unused - arrays}
        fill(optimizer.named_moments(), stored, path)
        saved = dict(state.objective)
        for name in sorted(arrays):
            tensor = file.tensors[name]
            array = np.empty(tensor.shape, DTYPES[tensor.dtype])
            file.read(name, array)
            saved[name.removeprefix(_ARRAY)] = array
        own = objective.state()
        if own.keys() != saved.keys():
            raise UserError(
                f"{directory} holds the state of another objective: {_names(saved)}, "
                f"and {type(objective).__name__} has {_names(own)}"
            )
    except UserError as error:
        raise UserError(f"{error}; {_way_out(directory)}") from error
    objective.load_state(saved)


def _frozen_moments(model: Layer) -> set[str]:
    """Moments that an older version wrote for parameters that are not trained."""
    return {f"{m}.{name}" for m in ("exp_avg", "exp_avg_sq") for name in model.store.frozen}


def _names(state: State) -> str:
    return ", ".join(sorted(state)) or "none"


def read_state(directory: Path) -> TrainingState:
    """Read ``training_state.json``.

    Raises
    ------
    UserError
        If it is missing, damaged, or of another version.
    """
    path = directory / STATE_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format_version"] != FORMAT_VERSION:
            raise UserError(
                f"{path} has format version {values['format_version']}, and this scratchgpt reads "
                f"version {FORMAT_VERSION}; resume with the one that wrote it"
            )
        return TrainingState(**values)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {_way_out(directory)}") from None
    except UserError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is damaged: {error}; {_way_out(directory)}") from error


def check_resumable(
    saved: TrainingState,
    current: TrainingState,
    run_directory: Path,
    model_defaults: dict[str, Any],
) -> None:
    """Refuse to go on with other settings than those the run was started with.

    A setting that did not exist when the run was started has its default.

    Raises
    ------
    UserError
        Naming what differs, and both values.
    """
    run = f"the run in {run_directory}"
    for name in ("dtype", "tokenizer", "data"):
        before, now = getattr(saved, name), getattr(current, name)
        if before != now:
            detail = f" ({before}, now {now})" if name == "dtype" else ""
            raise UserError(
                f"{run} was started with another {name}{detail}; "
                "resume it with the same, or choose another folder"
            )
    for title, before_all, now_all, allowed in (
        (
            "model",
            {**model_defaults, **saved.model_config},
            current.model_config,
            frozenset[str](),
        ),
        (
            "training",
            {**TrainConfig().as_dict(), **saved.train_config},
            current.train_config,
            CHANGEABLE,
        ),
    ):
        for name in {**before_all, **now_all}:
            before, now = before_all.get(name), now_all.get(name)
            if before != now and name not in allowed:
                raise UserError(
                    f"{run} was started with {title} setting {name}={before!r}, not {now!r}; "
                    "resume it with the same, or choose another folder"
                )
    if current.train_config["steps"] < saved.step:
        raise UserError(
            f"{run} is at step {saved.step} already, past steps={current.train_config['steps']}; "
            "choose more steps"
        )


def _way_out(directory: Path) -> str:
    return f"start again in another folder, or restore {directory} from a copy"
