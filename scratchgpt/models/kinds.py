"""Kinds of models: the classes, the cost and the file format of each.

:mod:`scratchgpt.models.pretrained` registers the built-in kinds. A new kind needs a class and one
call of :func:`register_kind`; then saving, loading, describing and listing support it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.models.description import Description
from scratchgpt.models.directory import CONFIG_FILE, read_json, write_directory
from scratchgpt.models.limits import check_size
from scratchgpt.models.lora import is_of_base, lora_of, merge_lora
from scratchgpt.models.lora_files import (
    base_of,
    is_adapter,
    load_added,
    load_lora,
    save_added,
    save_lora,
)
from scratchgpt.models.model_config import ModelConfig
from scratchgpt.models.presets import find_preset
from scratchgpt.models.weight_files import Stored, count_elements, fill, open_weights
from scratchgpt.special_ids import Ids, SpecialIds, read_special_ids

OUR_TYPE = "scratchgpt"  # prefix of the model_type of models that only scratchgpt reads


@dataclass(frozen=True)
class ModelKind:
    """A kind of model.

    By default, a model directory contains the fields of the configuration, and the parameters
    under their own names. Override the methods for a kind with a file format of another project.

    Attributes
    ----------
    model : type
        A subclass of :class:`Model`. The class of a quantized kind needs the same methods, except
        for those of training.
    config : type
        A subclass of :class:`ModelConfig`, one per kind that is not quantized.
    model_types : tuple of str
        The values of ``model_type`` in ``config.json`` that identify this kind.
    count_cost : callable
        ``count_cost(config, n_batch, itemsize)`` returns a :class:`Description`.
    quantized : bool
        Whether the weights are quantized, so that the model only generates.
    """

    model: type[Any]
    config: type[ModelConfig]
    model_types: tuple[str, ...]
    count_cost: Callable[[Any, int, int], Description]
    quantized: bool = False

    def config_to_json(self, config: Any) -> dict[str, Any]:
        """Return the content of ``config.json``."""
        head = {"architectures": [self.model.__name__], "model_type": self.model_types[0]}
        return {**head, **config.stored_fields()}

    def config_from_json(self, values: dict[str, Any], dropout: float | None) -> ModelConfig:
        """Convert ``config.json`` to a configuration; ``dropout`` overrides its value."""
        own = {k: v for k, v in values.items() if k not in ("architectures", "model_type")}
        return self.config(**own if dropout is None else {**own, "dropout": dropout})

    def special_ids_to_json(self, ids: SpecialIds) -> dict[str, Any]:
        """Return JSON fields with the ends of a text, for other programs; here none."""
        return {}

    def arrays_to_save(
        self, arrays: dict[str, Array], config: Any, model_type: str
    ) -> dict[str, Array]:
        """Convert the arrays of a model to the arrays of its files."""
        return arrays

    def fill_arrays(
        self, arrays: dict[str, Array], stored: dict[str, Stored], config: Any, directory: Path
    ) -> None:
        """Copy the arrays of the files to the arrays of a model; on error, change none."""
        fill(arrays, stored, directory)

    def save(self, model: Any, directory: Path, end_of_text: Ids, shard_bytes: int | None) -> None:
        """Write a model directory; see :func:`save_pretrained`."""
        if lora_of(model) is not None:
            raise UserError(
                "the model has adapters; merge them with merge_lora, or write them with save_lora"
            )
        values, token_fields = self._json(model, end_of_text)
        write_directory(
            directory,
            values,
            self.arrays_to_save(model.arrays(), model.config, values["model_type"]),
            generation=token_fields,
            shard_bytes=shard_bytes,
        )

    def save_adapted(self, model: Any, directory: Path, end_of_text: Ids) -> None:
        """Write the adapters of a model, and what else the folder of its base does not have."""
        values, token_fields = self._json(model, end_of_text)
        save_lora(model, directory)
        save_added(model, _added(model), directory)
        write_directory(directory, values, None, generation=token_fields)

    def _json(self, model: Any, end_of_text: Ids) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the content of ``config.json``, and the fields in it that are about tokens."""
        ids = model.special_ids
        ids = ids if end_of_text is None else ids.with_end(end_of_text)
        token_fields = self.special_ids_to_json(ids)
        return {**self.config_to_json(model.config), **token_fields}, token_fields

    def load(self, directory: Path, config: Any, new_model: Callable[[], Any]) -> Any:
        """Call ``new_model`` and fill the model, if the files hold what its configuration needs."""
        if is_adapter(directory):
            return self._load_adapted(directory, new_model())
        stored = self.open_weights(directory, config)
        model = new_model()
        self._load(model, stored, directory)
        return model

    def load_weights(self, model: Any, directory: Path) -> None:
        """Load the arrays and the special ids of a model; on error, change none."""
        if lora_of(model) is None:
            self._load(model, open_weights(directory), directory)
            return
        ids = read_special_ids(directory, model.config.vocab_size)
        load_added(model, directory)
        load_lora(model, directory)
        model.special_ids = ids

    def _load_adapted(self, directory: Path, model: Any) -> Any:
        """Fill a new model from the base of adapters in a folder, and merge these into it."""
        folder = base_of(directory)
        kind, config = read_trainable(folder, model.config.dropout)
        same = kind is self and config == model.config
        base = kind.load(
            folder, config, lambda: model if same else kind.model.blank(config, model.dtype)
        )
        arrays = model.arrays()
        for name, value in base.arrays().items() if base is not model else ():
            if name in arrays and is_of_base(name):
                n = min(len(value), len(arrays[name]))  # rows of a table
                arrays[name][:n] = value[:n]
        load_added(model, directory)
        model.special_ids = read_special_ids(directory, model.config.vocab_size)
        return merge_lora(load_lora(model, directory))

    def open_weights(self, directory: Path, config: Any) -> dict[str, Stored]:
        """Open the weights of a directory, and compare their size with a configuration."""
        stored = open_weights(directory)
        n_needed = self.count_cost(config, 1, 4).n_parameters
        check_size(config, n_needed, count_elements(stored), directory)
        return stored

    def _load(self, model: Any, stored: dict[str, Stored], directory: Path) -> None:
        ids = read_special_ids(directory, model.config.vocab_size)
        self.fill_arrays(model.arrays(), stored, model.config, directory)
        model.special_ids = ids


KINDS: list[ModelKind] = []


def _added(model: Any) -> dict[str, Array]:
    """Return the parameters of a model with adapters that the folder of its base does not have."""
    lora = lora_of(model)
    assert lora is not None
    added = {name: value for name, value in model.arrays().items() if ".lora_" not in name}
    if lora.folder is None:
        return added
    kind, config = read_trainable(lora.folder, None)
    shapes = {name: value.shape for name, value in kind.model.blank(config).arrays().items()}
    for name, parameter in model.named_parameters():
        if is_of_base(name) and parameter.shape[0] > shapes[name][0]:
            added[name] = parameter.value[shapes[name][0] :]  # the rows of new tokens
    return added


def register_kind(kind: ModelKind) -> None:
    """Register a kind of model for saving, loading, describing and listing.

    Raises
    ------
    ValueError
            If another kind has one of its model types.
    """
    for other in KINDS:
        for model_type in kind.model_types:
            if model_type in other.model_types:
                raise ValueError(
                    f"model_type={model_type!r} already belongs to {other.model.__name__}"
                )
    KINDS.append(kind)


def kind_of(model: Any) -> ModelKind:
    """Return the kind of a model, or of the nearest registered base class."""
    for ancestor in type(model).__mro__:
        for kind in KINDS:
            if kind.model is ancestor:
                return kind
    raise TypeError(f"{type(model).__name__} is not a registered kind of model")


def kind_of_config(config: ModelConfig) -> ModelKind:
    """Return the kind of model for a configuration; if there are several, the trainable one."""
    for ancestor in type(config).__mro__:
        for kind in KINDS:
            if kind.config is ancestor and not kind.quantized:
                return kind
    raise TypeError(f"{type(config).__name__} is not the configuration of a registered kind")


def kind_of_type(model_type: Any) -> ModelKind:
    """Return the kind of model for a ``model_type``.

    Raises
    ------
    UserError
        If there is none; the message lists the types that other programs write, too.
    """
    for kind in KINDS:
        if model_type in kind.model_types:
            return kind
    known = [name for kind in KINDS for name in kind.model_types if not name.startswith(OUR_TYPE)]
    raise UserError(
        f"model_type={model_type!r} is not one that scratchgpt reads: "
        f"{', '.join(known)}{did_you_mean(str(model_type), known)}"
    )


def read_kind(directory: Path, dropout: float | None = None) -> tuple[ModelKind, ModelConfig]:
    """Return the kind and the configuration of the model in a directory.

    Raises
    ------
    UserError
        If scratchgpt cannot read the configuration.
    """
    path, values = directory / CONFIG_FILE, read_json(directory)
    kind = KINDS[0]  # for the error message if the file names no kind
    try:
        kind = kind_of_type(values["model_type"])
        return kind, kind.config_from_json(values, dropout)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except KeyError as error:
        detail = f"missing {error}"
    except (AttributeError, TypeError) as error:
        detail = str(error)
    raise UserError(f"{path} is not the configuration of a {kind.model.__name__}: {detail}")


def read_trainable(directory: Path, dropout: float | None) -> tuple[ModelKind, ModelConfig]:
    """Read like :func:`read_kind`; raise UserError if the model is quantized."""
    kind, config = read_kind(directory, dropout)
    if kind.quantized:
        raise UserError(
            f"the model in {directory} is quantized, so it cannot be trained or changed; name the "
            "model that it was quantized from (in Python, load_quantized reads it)"
        )
    return kind, config


def preset_config(name: str) -> ModelConfig:
    """Return the configuration of a preset of any kind of model.

    Raises
    ------
    UserError
        If there is no such preset; the message suggests the nearest name.
    """
    preset = find_preset(name)
    owner = next(kind.config for kind in KINDS if kind.config.kind == preset.kind)
    return owner.from_preset(name)


def describe(config: ModelConfig, *, n_batch: int = 1, itemsize: int = 4) -> Description:
    """Compute the cost of a model without creating it.

    Parameters
    ----------
    config : GPTConfig or TransformerConfig
    n_batch : int
        Rows of a batch, with block_size tokens each.
    itemsize : int
        Bytes per number: 4 for float32.
    """
    return kind_of_config(config).count_cost(config, n_batch, itemsize)
