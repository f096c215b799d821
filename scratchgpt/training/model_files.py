"""The directory of a trained model, in the published format if the model has one."""

from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from scratchgpt.backend import Array
from scratchgpt.files import make_folder
from scratchgpt.layers import Layer
from scratchgpt.models import Model
from scratchgpt.models.kinds import kind_of
from scratchgpt.models.lora import base_checksum, lora_of
from scratchgpt.models.pretrained import load_weights
from scratchgpt.models.weight_files import fill, open_weights, save_weights
from scratchgpt.text.tokenizers.tokenizer import TOKENIZER_FILE, Tokenizer


def save_model(directory: Path, model: Layer, tokenizer: Tokenizer | None) -> None:
    """Write a model directory, with tokenizer.json if a tokenizer is given.

    A layer that is not a complete model, for example an encoder with a temperature, is written as
    ``model.safetensors``: its parameters by name. Of a model with adapters, only these are written,
    and what else the folder that it was loaded from does not have.
    """
    if isinstance(model, Model):
        end = tokenizer.end_of_text if tokenizer and not model.special_ids.ends else None
        if model.lora is None:
            model.save_pretrained(directory, end_of_text=end)
        else:
            kind_of(model).save_adapted(model, directory, end)
    else:
        make_folder(directory)
        save_weights(directory, saved_arrays(model))
    if tokenizer is not None:
        tokenizer.save(directory / TOKENIZER_FILE)


def load_model(directory: Path, model: Layer) -> None:
    """Load the parameters of a model from its directory; on an error, none of them change.

    Raises
    ------
    UserError
        If a file is missing, damaged, or belongs to another model.
    """
    if isinstance(model, Model):
        load_weights(directory, model)
    else:
        fill(saved_arrays(model), open_weights(directory), directory)


def saved_arrays(model: Layer) -> dict[str, Array]:
    """Return the parameters that are saved as the model, by name.

    A model may have others, which belong to the state of the objective, such as a value function.
    """
    if isinstance(model, Model):
        return model.arrays()
    return model.store.value_views(model.store.values)


def config_of(model: Layer) -> dict[str, Any]:
    """Return the configuration of a model in JSON types; empty if it has none."""
    config = getattr(model, "config", None)
    if not is_dataclass(config) or isinstance(config, type):
        return {}
    values = {name: _in_json(value) for name, value in asdict(config).items()}
    if (lora := lora_of(model)) is not None:
        values |= {f"lora_{name}": _in_json(value) for name, value in asdict(lora.config).items()}
        values["lora_base"] = base_checksum(model)
    return values


def config_defaults(model: Layer) -> dict[str, Any]:
    """Return the default of each model setting that has a default."""
    config = getattr(model, "config", None)
    if not is_dataclass(config):
        return {}
    return {f.name: _in_json(f.default) for f in fields(config) if f.default is not MISSING}


def _in_json(value: Any) -> Any:
    """Return a value as it is read back from JSON, which has no tuples."""
    return [_in_json(one) for one in value] if isinstance(value, tuple) else value
