"""Checkpoints: a model directory, and what it takes to go on exactly where training stopped.

``training_state.safetensors`` has both moments of AdamW by parameter, ``training_state.json``
the rest. All randomness of a run is a function of the seed and the step, so these two numbers are
the state of the random streams and the data cursor.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.files import write_text
from scratchgpt.models import GPTConfig
from scratchgpt.models.pretrained import load_weights, save_pretrained
from scratchgpt.models.tensor_file import save_tensors
from scratchgpt.models.weight_files import load_tensors
from scratchgpt.optim import AdamW
from scratchgpt.text.tokenizers.tokenizer import TOKENIZER_FILE, Tokenizer
from scratchgpt.training.config import CHANGEABLE, TrainConfig
from scratchgpt.training.model import Model

STATE_FILE = "training_state.json"
MOMENTS_FILE = "training_state.safetensors"
FORMAT_VERSION = 1


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
        Of the lowest evaluation.
    train_config, model_config : dict
    dtype : str
        Of the parameters.
    tokenizer, data : str or None
        Fingerprints; None where the run was not given one.
    format_version : int
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


def save_model(directory: Path, model: Model, tokenizer: Tokenizer | None) -> None:
    """Write a model directory, with tokenizer.json where there is a tokenizer."""
    save_pretrained(model, directory, end_of_text=tokenizer.end_of_text if tokenizer else None)
    if tokenizer is not None:
        tokenizer.save(directory / TOKENIZER_FILE)


def save_checkpoint(
    directory: Path,
    model: Model,
    optimizer: AdamW,
    tokenizer: Tokenizer | None,
    state: TrainingState,
) -> None:
    """Write a model directory from which training can go on."""
    save_model(directory, model, tokenizer)
    save_tensors(directory / MOMENTS_FILE, optimizer.named_moments())
    write_text(directory / STATE_FILE, json.dumps(vars(state), indent=2) + "\n")


def load_checkpoint(directory: Path, model: Model, optimizer: AdamW) -> None:
    """Fill the parameters of ``model`` and the moments of ``optimizer``.

    Raises
    ------
    UserError
        If a file is missing, damaged, or belongs to another model.
    """
    try:
        load_weights(directory, model)
        load_tensors(directory / MOMENTS_FILE, optimizer.named_moments())
    except UserError as error:
        raise UserError(f"{error}; {_way_out(directory)}") from error


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


def check_resumable(saved: TrainingState, current: TrainingState, run_directory: Path) -> None:
    """Refuse to go on with other settings than those the run was started with.

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
    # A run from before there was a setting has its default.
    added = GPTConfig().as_dict() if "n_layer" in current.model_config else {}
    for title, before_all, now_all, allowed in (
        (
            "model",
            {**added, **saved.model_config},
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
