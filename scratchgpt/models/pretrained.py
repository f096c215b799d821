"""Saving and loading of models as directories, in Hugging Face's layout.

A directory contains ``config.json`` and ``model.safetensors``. This module registers the built-in
kinds of models. ``transformers`` can read the directories of a GPT of one of the families. Another
model (a GPT-2 without biases, an encoder-decoder Transformer) has our own ``model_type``, so that
no other program mistakes it for another model.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.layers.mlp import ACTIVATIONS
from scratchgpt.models.classifier_config import GPTClassifierConfig
from scratchgpt.models.config import LATER_FIELDS, GPTConfig
from scratchgpt.models.description import describe_transformer
from scratchgpt.models.directory import CONFIG_FILE, find_directory, read_json
from scratchgpt.models.families import (
    FAMILIES,
    HEAD,
    obstacle,
    read_family,
    table_name,
    their_arrays,
    their_name,
    write_family,
)
from scratchgpt.models.gpt import GPT
from scratchgpt.models.gpt_classifier import GPTClassifier, describe_gpt_classifier
from scratchgpt.models.gpt_cost import describe_gpt, describe_quantized
from scratchgpt.models.gpt_encoder import GPTEncoder, GPTEncoderConfig, describe_gpt_encoder
from scratchgpt.models.gpt_reward import GPTReward, GPTRewardConfig, describe_gpt_reward
from scratchgpt.models.kinds import (
    KINDS,
    OUR_TYPE,
    ModelKind,
    kind_of,
    kind_of_config,
    kind_of_type,
    read_kind,
    read_trainable,
    register_kind,
)
from scratchgpt.models.model import Model
from scratchgpt.models.model_config import ModelConfig
from scratchgpt.models.quantized import QuantizedGPT
from scratchgpt.models.transformer import Transformer
from scratchgpt.models.transformer_config import TransformerConfig
from scratchgpt.models.weight_files import Stored, fill, rename
from scratchgpt.special_ids import SpecialIds

INT8_TYPE = f"{OUR_TYPE}-int8"
TRANSFORMER_TYPE = f"{OUR_TYPE}-transformer"
ENCODER_TYPE = f"{OUR_TYPE}-gpt-encoder"
REWARD_TYPE = f"{OUR_TYPE}-gpt-reward"
CLASSIFIER_TYPE = f"{OUR_TYPE}-gpt-classifier"

# Older fields of our own config.json have the names of GPT-2's: our name -> the name in the file.
_OUR_FIELDS = {
    **{name: name for name in ("n_layer", "n_head", "n_embd", "n_inner", "vocab_size")},
    **{"block_size": "n_positions", "tied_head": "tie_word_embeddings"},
    **{name: name for name in ("layer_norm_epsilon", "bias", "norm_position")},
    **{name: name for name in ("scale_attn_weights", "scale_attn_by_inverse_layer_idx")},
}
_ADDED_FIELDS = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False}
_ACTIVATION_NAMES = {**{name: name for name in ACTIVATIONS}, "gelu_tanh": "gelu_new"}


class GPTKind(ModelKind):
    """GPTs of the families in the format of ``transformers``; others with GPT-2's field names."""

    def config_to_json(self, config: GPTConfig) -> dict[str, Any]:
        return write_family(config) if obstacle(config) is None else our_json(config)

    def config_from_json(self, values: dict[str, Any], dropout: float | None) -> GPTConfig:
        if values["model_type"] in FAMILIES:
            return read_family(values, dropout)
        names = {theirs: ours for ours, theirs in _ACTIVATION_NAMES.items()}
        full = {**_ADDED_FIELDS, **values}
        return GPTConfig(
            **{ours: full[theirs] for ours, theirs in _OUR_FIELDS.items()},
            **{name: values[name] for name in LATER_FIELDS if name in values},
            activation=names[values["activation_function"]],
            dropout=values["resid_pdrop"] if dropout is None else dropout,
        )

    def special_ids_to_json(self, ids: SpecialIds) -> dict[str, Any]:
        return ids.to_json() if ids != SpecialIds() else {}

    def arrays_to_save(
        self, arrays: dict[str, Array], config: GPTConfig, model_type: str
    ) -> dict[str, Array]:
        return their_arrays(arrays, config, model_type)

    def fill_arrays(
        self,
        arrays: dict[str, Array],
        stored: dict[str, Stored],
        config: GPTConfig,
        directory: Path,
    ) -> None:
        model_type = read_json(directory)["model_type"]
        stored = rename(stored, partial(their_name, model_type=model_type), directory)
        if config.tied_head and HEAD in stored:
            _merge_tied(stored, table_name(model_type), directory)
        fill(their_arrays(arrays, config, model_type), stored, directory)


class QuantizedKind(GPTKind):
    """GPT with 8-bit weights, a format that only scratchgpt reads."""

    def config_to_json(self, config: GPTConfig) -> dict[str, Any]:
        return {**our_json(config), "model_type": INT8_TYPE}

    def arrays_to_save(
        self, arrays: dict[str, Array], config: GPTConfig, model_type: str
    ) -> dict[str, Array]:
        return arrays

    def fill_arrays(
        self, arrays: dict[str, Array], stored: dict[str, Stored], config: Any, directory: Path
    ) -> None:
        fill(arrays, stored, directory)


def our_json(config: GPTConfig) -> dict[str, Any]:
    """Create the content of ``config.json`` for a GPT that no family supports."""
    later = {name: value for name, value in config.stored_fields().items() if name in LATER_FIELDS}
    return {
        "architectures": ["GPT"],
        "model_type": OUR_TYPE,
        **{theirs: getattr(config, ours) for ours, theirs in _OUR_FIELDS.items()},
        "activation_function": _ACTIVATION_NAMES[config.activation],
        "attn_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
        **later,
    }


def _merge_tied(stored: dict[str, Stored], table_name: str, directory: Path) -> None:
    """Keep the matrix of a tied head as the embedding; files contain it under either name or both.

    If a file contains both, they must be equal.
    """
    head = stored.pop(HEAD)
    table = stored.setdefault(table_name, head)
    if not table.file.same_data(table.name, head.file, head.name):
        raise UserError(
            f"{directory}: {head.name} differs from {table.name}, but {CONFIG_FILE} says they "
            'are tied; if they are not, set "tie_word_embeddings": false there'
        )


register_kind(GPTKind(GPT, GPTConfig, (*FAMILIES, OUR_TYPE), describe_gpt))
register_kind(ModelKind(Transformer, TransformerConfig, (TRANSFORMER_TYPE,), describe_transformer))
register_kind(ModelKind(GPTEncoder, GPTEncoderConfig, (ENCODER_TYPE,), describe_gpt_encoder))
register_kind(ModelKind(GPTReward, GPTRewardConfig, (REWARD_TYPE,), describe_gpt_reward))
register_kind(
    ModelKind(GPTClassifier, GPTClassifierConfig, (CLASSIFIER_TYPE,), describe_gpt_classifier)
)
register_kind(
    QuantizedKind(QuantizedGPT, GPTConfig, (INT8_TYPE,), describe_quantized, quantized=True)
)


def save_pretrained(
    model: Model[Any] | QuantizedGPT,
    directory: Path | str,
    *,
    end_of_text: int | Sequence[int] | None = None,
    shard_bytes: int | None = None,
) -> None:
    """Write ``config.json`` and the weights; each file is replaced atomically.

    Parameters
    ----------
    model : Model or QuantizedGPT
        A Model must be in float32 or float64. A QuantizedGPT is saved in 8 bits.
    directory : path
        Created if it does not exist.
    end_of_text : int or sequence of int, optional
        The tokens that end a text; other programs then stop at them, too. By default, those of
        the folder that the model was loaded from.
    shard_bytes : int, optional
        Maximum size of a file of weights; by default all weights are in one file.

    Raises
    ------
    UserError
        If the files cannot be written.
    """
    kind_of(model).save(model, Path(directory), end_of_text, shard_bytes)


def for_transformers(model: GPT) -> GPT:
    """Return a model that computes the same and that transformers supports, if there is one.

    It is the model itself or, if its family always has biases, a copy with biases of 0.

    Raises
    ------
    UserError
        If no family supports the model; the message names the setting.
    """
    reason = obstacle(model.config)
    if reason is None:
        return model
    copy = model.with_biases()
    of_copy = obstacle(copy.config)
    if of_copy is None:
        return copy
    raise UserError(
        f"the model has {of_copy if reason == 'bias=False' else reason}, which transformers does "
        "not support in a model of this form"
    )


def load_pretrained(
    directory: Path | str, *, dtype: Any = np.float32, dropout: float | None = None
) -> Model[Any]:
    """Load the model in a directory, or the model of a run, of whatever kind.

    Weights may be stored in float16, bfloat16, float32 or float64. A warning lists weights that are
    not finite.

    Parameters
    ----------
    directory : path
        The folder of a model; or of a run, whose average checkpoint is loaded, or else its best, or
        else its last.
    dtype : float32 or float64
        The dtype of the model, independent of that of the file.
    dropout : float, optional
        Overrides the dropout probability of the configuration.

    Raises
    ------
    UserError
        If a file is missing or damaged, or the weights do not fit the configuration.
    """
    directory = find_directory(Path(directory))
    kind, config = read_trainable(directory, dropout)
    model: Model[Any] = kind.load(directory, config, lambda: kind.model.blank(config, dtype))
    return model


def load_quantized(directory: Path | str) -> QuantizedGPT:
    """Load a model that was saved with 8-bit weights.

    Raises
    ------
    UserError
        As in :func:`load_pretrained`, and if the model is not quantized.
    """
    directory = find_directory(Path(directory))
    kind, config = read_kind(directory)
    if not kind.quantized:
        raise UserError(f"the model in {directory} is not quantized; read it with load_pretrained")
    model: QuantizedGPT = kind.load(directory, config, lambda: kind.model.blank(config))
    return model


def is_quantized(directory: Path) -> bool:
    """Whether the model in a directory has 8-bit weights."""
    values = read_json(directory)
    model_type = values.get("model_type") if isinstance(values, dict) else None
    return any(model_type in kind.model_types for kind in KINDS if kind.quantized)


def load_weights(directory: Path, model: Model[Any]) -> None:
    """Load the parameters of a model from a directory; on error, change none.

    Raises
    ------
    UserError
        As in :func:`load_pretrained`.
    """
    kind_of(model).load_weights(model, directory)


def read_config(directory: Path, dropout: float | None = None) -> ModelConfig:
    """Read the configuration of the model in a directory."""
    return read_kind(directory, dropout)[1]


def config_to_json(config: ModelConfig) -> dict[str, Any]:
    """Return the content of ``config.json``; for the families in the format of transformers."""
    return kind_of_config(config).config_to_json(config)


def config_from_json(values: dict[str, Any], dropout: float | None = None) -> ModelConfig:
    """Convert the content of ``config.json`` to a configuration."""
    return kind_of_type(values["model_type"]).config_from_json(values, dropout)
