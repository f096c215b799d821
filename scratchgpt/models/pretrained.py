"""Models as directories: ``config.json`` and ``model.safetensors``, as Hugging Face lays them out.

A GPT-1 or GPT-2 is written such that ``transformers`` reads it. What neither of them is (a GPT
without biases, an encoder-decoder Transformer) has a ``model_type`` of ours, so that nothing loads
it as what it is not.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.errors import UserError
from scratchgpt.files import make_folder, write_text
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.gpt import GPT
from scratchgpt.models.huggingface import (
    obstacle,
    parameter_name,
    read_family,
    stored_name,
    write_family,
)
from scratchgpt.models.quantized import QuantizedGPT
from scratchgpt.models.transformer import Transformer
from scratchgpt.models.transformer_config import TransformerConfig
from scratchgpt.models.weight_files import Stored, fill, open_weights, rename, save_weights

CONFIG_FILE = "config.json"
GENERATION_FILE = "generation_config.json"
OUR_TYPE = "scratchgpt"
TRANSFORMER_TYPE = "scratchgpt-transformer"
INT8_TYPE = "scratchgpt-int8"

# A config.json of ours says what GPT-2's says in the same words: our names, and those there.
_OUR_FIELDS = {
    **{name: name for name in ("n_layer", "n_head", "n_embd", "n_inner", "vocab_size")},
    **{"block_size": "n_positions", "tied_head": "tie_word_embeddings"},
    **{name: name for name in ("layer_norm_epsilon", "bias", "norm_position")},
    **{name: name for name in ("scale_attn_weights", "scale_attn_by_inverse_layer_idx")},
}
_ADDED_FIELDS = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False}
_ACTIVATION_NAMES = {"gelu_tanh": "gelu_new", "gelu": "gelu", "relu": "relu"}
_HEAD, _TABLE = "lm_head.weight", "transformer.wte.weight"


def save_pretrained(
    model: GPT | QuantizedGPT | Transformer,
    directory: Path | str,
    *,
    end_of_text: int | None = None,
    shard_bytes: int | None = None,
) -> None:
    """Write ``config.json`` and the weights; each file is replaced whole or not at all.

    Parameters
    ----------
    model : GPT, QuantizedGPT or Transformer
        In float32 or float64; what is quantised, in 8 bits.
    directory : path
        Made if it is not there.
    end_of_text : int, optional
        The token that ends a text, where there is one; others then end theirs with it too.
    shard_bytes : int, optional
        The most that a file of weights may take; by default they are in one.

    Raises
    ------
    UserError
        If the files cannot be written.
    """
    directory = Path(directory)
    make_folder(directory)
    values = config_to_json(model.config)
    if isinstance(model, QuantizedGPT):
        values = {**_our_json(model.config), "model_type": INT8_TYPE}
        tensors = model.arrays()
    else:
        tensors = {
            stored_name(name, values["model_type"]): parameter.value
            for name, parameter in model.store.named.items()
        }
    save_weights(directory, tensors, shard_bytes)
    if end_of_text is not None and not isinstance(model, Transformer):
        of_text = {"bos_token_id": end_of_text, "eos_token_id": end_of_text}
        values.update(of_text)
        _write_json(directory / GENERATION_FILE, of_text)
    _write_json(directory / CONFIG_FILE, values)


def load_pretrained(
    directory: Path | str, *, dtype: Any = np.float32, dropout: float | None = None
) -> GPT | Transformer:
    """Read the model in a directory, whichever it is.

    Weights are read in float16, bfloat16, float32 and float64. Where some are not finite, a warning
    says which.

    Parameters
    ----------
    directory : path
    dtype : float32 or float64
        Of the model, whatever that of the file.
    dropout : float, optional
        In place of what the configuration says.

    Raises
    ------
    UserError
        If a file is missing, damaged, or the weights do not belong to the configuration.
    """
    directory = Path(directory)
    config = read_config(directory, dropout)
    if is_quantized(directory):
        raise UserError(f"the model in {directory} is quantised; read it with load_quantized")
    kind: Any = Transformer if isinstance(config, TransformerConfig) else GPT
    stored = _named_as_ours(open_weights(directory), config, directory)
    model = kind(config, seed=None, dtype=dtype)
    _fill(model, stored, directory)
    return model


def load_quantized(directory: Path | str) -> QuantizedGPT:
    """Read a model that was saved in 8 bits a weight.

    Raises
    ------
    UserError
        As for :func:`load_pretrained`, and if the model is not quantised.
    """
    directory = Path(directory)
    config = read_config(directory)
    if not (isinstance(config, GPTConfig) and is_quantized(directory)):
        raise UserError(f"the model in {directory} is not quantised; read it with load_pretrained")
    stored = open_weights(directory)
    model = QuantizedGPT.blank(config)
    fill(model.arrays(), stored, directory)
    return model


def is_quantized(directory: Path) -> bool:
    """Whether the model in a directory is in 8 bits a weight."""
    values = _read_json(directory)
    return isinstance(values, dict) and values.get("model_type") == INT8_TYPE


def load_weights(directory: Path, model: GPT | Transformer) -> None:
    """Fill the parameters of a model from a directory, or leave them all as they are.

    Raises
    ------
    UserError
        As for :func:`load_pretrained`.
    """
    _fill(model, _named_as_ours(open_weights(directory), model.config, directory), directory)


def _fill(model: GPT | Transformer, stored: dict[str, Stored], directory: Path) -> None:
    fill({name: p.value for name, p in model.store.named.items()}, stored, directory)


def _named_as_ours(
    stored: dict[str, Stored], config: GPTConfig | TransformerConfig, directory: Path
) -> dict[str, Stored]:
    if isinstance(config, TransformerConfig):
        return stored
    stored = rename(stored, parameter_name, directory)
    if config.tied_head and _HEAD in stored and _TABLE in stored:
        _check_tied(stored, directory)
        del stored[_HEAD]
    return stored


def _check_tied(stored: dict[str, Stored], directory: Path) -> None:
    """Old files hold a tied head too; then it must be the embedding."""
    head, table = stored[_HEAD], stored[_TABLE]
    if not table.file.holds_twice(table.name, head.file, head.name):
        raise UserError(
            f"{directory}: {head.name} is not {table.name}, though {CONFIG_FILE} says that they "
            'are tied; if they are not, set "tie_word_embeddings": false there'
        )


def read_config(directory: Path, dropout: float | None = None) -> GPTConfig | TransformerConfig:
    """The configuration of the model in a directory."""
    path, values = directory / CONFIG_FILE, _read_json(directory)
    of_ours = isinstance(values, dict) and values.get("model_type") == TRANSFORMER_TYPE
    kind = "Transformer" if of_ours else "GPT"
    try:
        return config_from_json(values, dropout)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except KeyError as error:
        raise UserError(f"{path} is not the configuration of a {kind}: no {error}") from error
    except (AttributeError, TypeError) as error:
        raise UserError(f"{path} is not the configuration of a {kind}: {error}") from error


def _read_json(directory: Path) -> Any:
    path = directory / CONFIG_FILE
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{directory} is not a model: there is no {CONFIG_FILE} in it; "
            "name a folder that `scratchgpt train --out` made, or a GPT-1 or GPT-2"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}") from error


def config_to_json(config: GPTConfig | TransformerConfig) -> dict[str, Any]:
    """The content of ``config.json``; of GPT-1 and GPT-2 in the vocabulary of transformers."""
    if isinstance(config, TransformerConfig):
        head = {"architectures": ["Transformer"], "model_type": TRANSFORMER_TYPE}
        return {**head, **config.as_dict()}
    return write_family(config) if obstacle(config) is None else _our_json(config)


def _our_json(config: GPTConfig) -> dict[str, Any]:
    return {
        "architectures": ["GPT"],
        "model_type": OUR_TYPE,
        **{theirs: getattr(config, ours) for ours, theirs in _OUR_FIELDS.items()},
        "activation_function": _ACTIVATION_NAMES[config.activation],
        "attn_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
    }


def config_from_json(
    values: dict[str, Any], dropout: float | None = None
) -> GPTConfig | TransformerConfig:
    """The configuration that a ``config.json`` describes."""
    model_type = values["model_type"]
    if model_type not in (OUR_TYPE, INT8_TYPE, TRANSFORMER_TYPE):
        return read_family(values, dropout)
    if model_type == TRANSFORMER_TYPE:
        own = {k: v for k, v in values.items() if k not in ("architectures", "model_type")}
        return TransformerConfig(**own if dropout is None else {**own, "dropout": dropout})
    names = {theirs: ours for ours, theirs in _ACTIVATION_NAMES.items()}
    full = {**_ADDED_FIELDS, **values}
    return GPTConfig(
        **{ours: full[theirs] for ours, theirs in _OUR_FIELDS.items()},
        activation=names[values["activation_function"]],
        dropout=values["resid_pdrop"] if dropout is None else dropout,
    )


def _write_json(path: Path, values: dict[str, Any]) -> None:
    write_text(path, json.dumps(values, indent=2) + "\n")
