"""Adapters in files: PEFT's format, and the checkpoints of models with adapters.

A folder in PEFT's format has ``adapter_config.json`` and ``adapter_model.safetensors``. A
checkpoint of ours also has the ``config.json`` of the whole model, and ``added.safetensors``: the
parameters that the folder of the base does not have, such as the rows of new tokens.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.files import make_folder, write_text
from scratchgpt.layers import Layer
from scratchgpt.models.lora import LoRA, adapters, add_lora, base_checksum, lora_of, main_body
from scratchgpt.models.lora_config import LoRAConfig
from scratchgpt.models.lora_names import find_maps, linear_maps, names_for, names_for_config
from scratchgpt.models.tensor_file import TensorFile, save_tensors
from scratchgpt.models.weight_files import INDEX_FILE, METADATA, WEIGHTS_FILE, Stored, fill
from scratchgpt.structured import read_json

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_FILE = "adapter_model.safetensors"
ADDED_FILE = "added.safetensors"
_PREFIX = "base_model.model."
_BASE = "base"  # the key of the checksum in the metadata of added.safetensors

# Fields of adapter_config.json that we write or that change nothing about a trained adapter.
_READ = ("r", "lora_alpha", "lora_dropout", "use_rslora", "peft_type", "bias")
_IGNORED = (
    *("target_modules", "base_model_name_or_path", "revision", "task_type", "inference_mode"),
    *("auto_mapping", "peft_version", "fan_in_fan_out", "ensure_weight_tying", "runtime_config"),
    *("megatron_core", "qalora_group_size", "layers_pattern", "eva_config", "exclude_modules"),
    "layers_to_transform",
)
# Initializations that leave the weights of the base as they are.
_INITIALIZATIONS = (True, False, "gaussian", "eva", "orthogonal")


class _Adapter(NamedTuple):
    config: LoRAConfig
    file: TensorFile


def save_lora(model: Layer, directory: Path | str) -> None:
    """Write the adapters of a model in PEFT's format.

    Raises
    ------
    UserError
        If the model has no adapters, or the files cannot be written.
    """
    lora, directory = _lora(model), Path(directory)
    tensors = {}
    for one, adapter in adapters(model, lora.config):
        tensors[f"{_PREFIX}{one.name}.lora_A.weight"] = adapter.lora_A.value.T  # (r, n_in)
        tensors[f"{_PREFIX}{one.name}.lora_B.weight"] = adapter.lora_B.value.T  # (n_out, r)
    make_folder(directory)
    save_tensors(directory / ADAPTER_FILE, tensors, METADATA)
    text = json.dumps(_to_json(model, lora), indent=2) + "\n"
    write_text(directory / ADAPTER_CONFIG, text)


def load_lora(model: Layer, directory: Path | str) -> Layer:
    """Load adapters in PEFT's format into a model, in place, and return it.

    Parameters
    ----------
    model : GPT
        The model that the adapters were trained on. If it has adapters already, with the same
        settings, their values are replaced.
    directory : path
        Has ``adapter_config.json`` and ``adapter_model.safetensors``.

    Raises
    ------
    UserError
        If a file is missing or damaged, does not fit the model, or has something besides plain
        low-rank adapters; the message names it.
    """
    config, file = _read(Path(directory), main_body(model).config)
    lora = lora_of(model)
    if lora is None:
        _check_shapes(model, config, file)
        add_lora(model, config, seed=None)
    elif _essence(model, lora.config) != _essence(model, config):
        raise UserError(
            f"{file.path} has adapters with {config}, and the model some with {lora.config}"
        )
    arrays: dict[str, Array] = {}
    for one, adapter in adapters(model, config):
        arrays[f"{_PREFIX}{one.name}.lora_A.weight"] = adapter.lora_A.value.T
        arrays[f"{_PREFIX}{one.name}.lora_B.weight"] = adapter.lora_B.value.T
    fill(arrays, {name: Stored(file, name) for name in file.tensors}, file.path)
    return model


def is_adapter(directory: Path) -> bool:
    """Whether a folder has adapters, and no weights of a whole model."""
    whole = (directory / name for name in (WEIGHTS_FILE, INDEX_FILE))
    return (directory / ADAPTER_CONFIG).exists() and not any(path.exists() for path in whole)


def base_of(directory: Path) -> Path:
    """Return the folder of the model that the adapters in a folder were trained on.

    Raises
    ------
    UserError
        If it is not there.
    """
    name = _read_config(directory).get("base_model_name_or_path")
    if not isinstance(name, str) or not Path(name).is_dir():
        raise UserError(
            f"{directory} has adapters of the model in {name}, and there is no such folder; put it "
            f"there, or write its place to base_model_name_or_path in {directory / ADAPTER_CONFIG}"
        )
    return Path(name)


def save_added(model: Layer, added: dict[str, Array], directory: Path) -> None:
    """Write the parameters that the base does not have, with a checksum of those that it has."""
    save_tensors(directory / ADDED_FILE, added, {_BASE: base_checksum(model)})


def load_added(model: Layer, directory: Path) -> None:
    """Load what :func:`save_added` wrote into a model with the parameters of the base.

    Raises
    ------
    UserError
        If a file is missing or damaged, or the base changed.
    """
    file = TensorFile(directory / ADDED_FILE)
    named, values = dict(model.named_parameters()), dict[str, Array]()
    for name, tensor in file.tensors.items():
        if name not in named or not tensor.shape:
            raise UserError(f"{file.path}: the model has no array {name!r}")
        value = named[name].value
        values[name] = value[max(0, len(value) - tensor.shape[0]) :]  # the last rows of a table
    fill(values, {name: Stored(file, name) for name in file.tensors}, file.path)
    saved, now = file.metadata.get(_BASE, ""), base_checksum(model)
    if saved.split(" ")[0] == now.split(" ")[0] and saved != now:
        raise UserError(
            f"the model in {base_of(directory)} changed since the adapters in {directory} were "
            "trained on it; restore it"
        )


def _lora(model: Layer) -> LoRA:
    lora = lora_of(model)
    if lora is None:
        raise UserError("the model has no adapters; add some with add_lora")
    return lora


def _to_json(model: Layer, lora: LoRA) -> dict[str, Any]:
    """Return the content of ``adapter_config.json``."""
    config, body = lora.config, main_body(model).config
    names = {one.name for one in find_maps(body, config.names)}
    alpha = config.own_alpha
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": None if lora.folder is None else str(lora.folder),
        "r": config.rank,
        "lora_alpha": int(alpha) if alpha.is_integer() else alpha,
        "lora_dropout": config.dropout,
        "use_rslora": config.rslora,
        "target_modules": list(names_for(body, names)),
        # Whether the weights of the base are (in, out), as in GPT-1 and GPT-2.
        "fan_in_fan_out": not names_for_config(body).transposed,
        "bias": "none",
        "inference_mode": True,
        "init_lora_weights": True,
    }


def _read_config(directory: Path) -> dict[str, Any]:
    path = directory / ADAPTER_CONFIG
    try:
        values = read_json(path, any_number=True)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: {directory} has no adapters") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} is damaged: it is not a JSON object")
    return values


def _read(directory: Path, body: Any) -> _Adapter:
    """Read the settings of adapters, and open their file."""
    path, values = directory / ADAPTER_CONFIG, _read_config(directory)
    for name, expected in (("peft_type", "LORA"), ("bias", "none")):
        if values.get(name, expected) != expected:
            raise UserError(f"{path}: {name}={values[name]!r} is not supported, only {expected!r}")
    if values.get("init_lora_weights", True) not in _INITIALIZATIONS:
        raise UserError(
            f"{path}: init_lora_weights={values['init_lora_weights']!r} also changes the weights "
            "of the base; convert the adapter to a plain one with PEFT"
        )
    for name, value in values.items():
        if value and name not in (*_READ, *_IGNORED, "init_lora_weights"):
            raise UserError(
                f"{path}: {name}={value!r} is not supported; scratchgpt reads low-rank adapters "
                "of one rank and scale without additions"
            )
    file = TensorFile(directory / ADAPTER_FILE)
    targets = names_for(body, _modules(file, body))
    settings = {"rank": values.get("r", 8), "alpha": values.get("lora_alpha", 8)}
    settings |= {"dropout": values.get("lora_dropout", 0.0)}
    settings |= {"rslora": values.get("use_rslora", False)}
    try:
        return _Adapter(LoRAConfig(**settings, targets=targets), file)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _modules(file: TensorFile, body: Any) -> set[str]:
    """Return the names of the linear maps that have adapters in a file."""
    known = {one.name for one in linear_maps(body)}
    found = set()
    for name in file.tensors:
        module, _, matrix = name.removeprefix(_PREFIX).rpartition(".lora_")
        if matrix not in ("A.weight", "B.weight") or module not in known:
            hint = did_you_mean(module, sorted(known))
            raise UserError(f"{file.path}: {name} is not an adapter of a linear map{hint}")
        found.add(module)
    if not found:
        raise UserError(f"{file.path} has no adapters")
    return found


def _check_shapes(model: Layer, config: LoRAConfig, file: TensorFile) -> None:
    """Refuse adapters of other shapes before the model gets any."""
    body = main_body(model)
    weights = {name: parameter.shape for name, parameter in body.named_parameters()}
    for one in find_maps(body.config, config.names):
        n_in, n_out = weights[f"{one.layer}.weight"][0], one.columns[1] - one.columns[0]
        for matrix, shape in (("A", (config.rank, n_in)), ("B", (n_out, config.rank))):
            name = f"{_PREFIX}{one.name}.lora_{matrix}.weight"
            if name not in file.tensors:
                raise UserError(f"{file.path} has no array {name!r}")
            if file.tensors[name].shape != shape:
                raise UserError(
                    f"{file.path}: {name} is {file.tensors[name].shape}, but r={config.rank} and "
                    f"the model need {shape}"
                )


def _essence(model: Layer, config: LoRAConfig) -> tuple[Any, ...]:
    """Return what must be equal so that adapters of one configuration fit those of another."""
    maps = find_maps(main_body(model).config, config.names)
    return config.rank, config.scale, {one.name for one in maps}
