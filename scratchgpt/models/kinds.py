"""The kinds of models: for each its classes, its cost, and how a model directory holds it.

The registry is filled in :mod:`scratchgpt.models.pretrained`. A further kind needs its class and
one call of :func:`register_kind`; saving, loading, describing and listing then know it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.models.config import ModelConfig
from scratchgpt.models.description import Description
from scratchgpt.models.directory import CONFIG_FILE, read_json, write_directory
from scratchgpt.models.presets import find_preset
from scratchgpt.models.weight_files import Stored, fill, open_weights

OUR_TYPE = "scratchgpt"  # what only scratchgpt reads has a model_type that begins with this


@dataclass(frozen=True)
class ModelKind:
    """A kind of model.

    As it stands it writes the fields of the configuration and the parameters by the names that
    they have here. Override its methods for a kind whose files others have laid out.

    Attributes
    ----------
    model : type
        A subclass of :class:`Model`; or, if it is quantized, of the same methods except for those
        of training.
    config : type
        A subclass of :class:`ModelConfig`, one of its own unless the kind is quantized.
    model_types : tuple of str
        Which ``model_type`` in a ``config.json`` says that a directory holds such a model.
    count_cost : callable
        ``count_cost(config, n_batch, itemsize)`` returns a :class:`Description`.
    quantized : bool
        Whether it generates only, with rounded weights.
    """

    model: type[Any]
    config: type[ModelConfig]
    model_types: tuple[str, ...]
    count_cost: Callable[[Any, int, int], Description]
    quantized: bool = False

    def config_to_json(self, config: Any) -> dict[str, Any]:
        """The content of ``config.json``."""
        head = {"architectures": [self.model.__name__], "model_type": self.model_types[0]}
        return {**head, **config.as_dict()}

    def config_from_json(self, values: dict[str, Any], dropout: float | None) -> ModelConfig:
        """The configuration that a ``config.json`` describes, or with another dropout."""
        own = {k: v for k, v in values.items() if k not in ("architectures", "model_type")}
        return self.config(**own if dropout is None else {**own, "dropout": dropout})

    def end_of_text_to_json(self, end_of_text: int) -> dict[str, int]:
        """Fields of both JSON files that tell others which token ends a text; here none."""
        return {}

    def arrays_to_save(self, arrays: dict[str, Array], model_type: str) -> dict[str, Array]:
        """The arrays of a model as its files hold them, by the names that they have there."""
        return arrays

    def fill_arrays(
        self, arrays: dict[str, Array], stored: dict[str, Stored], config: Any, directory: Path
    ) -> None:
        """Fill the arrays of a model with those of its files, or leave all as they are."""
        fill(arrays, stored, directory)

    def save(
        self, model: Any, directory: Path, end_of_text: int | None, shard_bytes: int | None
    ) -> None:
        """Write a model directory; see :func:`save_pretrained`."""
        values = self.config_to_json(model.config)
        tensors = self.arrays_to_save(model.arrays(), values["model_type"])
        told = {} if end_of_text is None else self.end_of_text_to_json(end_of_text)
        write_directory(
            directory, {**values, **told}, tensors, generation=told, shard_bytes=shard_bytes
        )

    def load_weights(self, model: Any, directory: Path) -> None:
        """Fill the arrays of a model from its directory, or leave all as they are."""
        self.fill_arrays(model.arrays(), open_weights(directory), model.config, directory)


KINDS: list[ModelKind] = []


def register_kind(kind: ModelKind) -> None:
    """Make a kind of model known to everything that saves, loads, describes or lists models.

    Raises
    ------
    ValueError
        If one of its model types is another kind's already.
    """
    for other in KINDS:
        for model_type in kind.model_types:
            if model_type in other.model_types:
                raise ValueError(f"model_type={model_type!r} is that of {other.model.__name__}")
    KINDS.append(kind)


def kind_of(model: Any) -> ModelKind:
    """The kind of a model, or of the nearest class that it inherits from."""
    for ancestor in type(model).__mro__:
        for kind in KINDS:
            if kind.model is ancestor:
                return kind
    raise TypeError(f"{type(model).__name__} is no model of a kind that was registered")


def kind_of_config(config: ModelConfig) -> ModelKind:
    """The kind whose models have such a configuration; of several, the one that is trained."""
    for ancestor in type(config).__mro__:
        for kind in KINDS:
            if kind.config is ancestor and not kind.quantized:
                return kind
    raise TypeError(f"{type(config).__name__} is no configuration of a kind that was registered")


def kind_of_type(model_type: Any) -> ModelKind:
    """The kind that a ``model_type`` names.

    Raises
    ------
    UserError
        If there is none; lists those that others write too.
    """
    for kind in KINDS:
        if model_type in kind.model_types:
            return kind
    known = [name for kind in KINDS for name in kind.model_types if not name.startswith(OUR_TYPE)]
    raise UserError(
        f"model_type={model_type!r} is not one that scratchgpt reads, "
        f"{' or '.join(known)}{did_you_mean(str(model_type), known)}"
    )


def read_kind(directory: Path, dropout: float | None = None) -> tuple[ModelKind, ModelConfig]:
    """The kind and the configuration of the model in a directory.

    Raises
    ------
    UserError
        If it has no configuration that scratchgpt reads; says what is wrong with it.
    """
    path, values = directory / CONFIG_FILE, read_json(directory)
    kind = KINDS[0]  # what a file that does not name its kind is compared with
    try:
        kind = kind_of_type(values["model_type"])
        return kind, kind.config_from_json(values, dropout)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except KeyError as error:
        detail = f"no {error}"
    except (AttributeError, TypeError) as error:
        detail = str(error)
    raise UserError(f"{path} is not the configuration of a {kind.model.__name__}: {detail}")


def read_trainable(directory: Path, dropout: float | None) -> tuple[ModelKind, ModelConfig]:
    """:func:`read_kind` for a model that is not quantized."""
    kind, config = read_kind(directory, dropout)
    if kind.quantized:
        raise UserError(f"the model in {directory} is quantised; read it with load_quantized")
    return kind, config


def preset_config(name: str) -> ModelConfig:
    """The configuration of a preset, whatever kind of model it is.

    Raises
    ------
    UserError
        If there is no such preset; suggests the nearest.
    """
    preset = find_preset(name)
    owner = next(kind.config for kind in KINDS if kind.config.kind == preset.kind)
    return owner.from_preset(name)


def describe(config: ModelConfig, *, n_batch: int = 1, itemsize: int = 4) -> Description:
    """Count the cost of a model, without building it.

    Parameters
    ----------
    config : GPTConfig or TransformerConfig
    n_batch : int
        Rows of a batch, each of block_size tokens.
    itemsize : int
        Bytes a number: 4 for float32.
    """
    return kind_of_config(config).count_cost(config, n_batch, itemsize)
