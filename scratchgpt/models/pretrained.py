"""Models as directories: ``config.json`` and ``model.safetensors``.

The names inside are those of the Hugging Face GPT-2 checkpoints wherever that format can express
the model. An encoder-decoder Transformer has names of its own, and the fields of its configuration.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.errors import UserError
from scratchgpt.files import make_folder, replacing, write_text
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.gpt import GPT
from scratchgpt.models.transformer import Transformer
from scratchgpt.models.transformer_config import TransformerConfig

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
TRANSFORMER_TYPE = "scratchgpt-transformer"

# Our names of the activations and those of a GPT-2 config.json.
_ACTIVATION_NAMES = {"gelu_tanh": "gelu_new", "gelu": "gelu", "relu": "relu"}


def save_pretrained(model: GPT | Transformer, directory: Path | str) -> None:
    """Write ``config.json`` and ``model.safetensors``; each is replaced whole or not at all.

    Parameters
    ----------
    model : GPT or Transformer
        In float32 or float64.
    directory : path
        Made if it is not there.

    Raises
    ------
    UserError
        If the files cannot be written.
    """
    directory = Path(directory)
    make_folder(directory)
    tensors = {name: parameter.value for name, parameter in model.store.named.items()}
    save_tensors(directory / WEIGHTS_FILE, tensors, metadata={"format": "pt"})
    text = json.dumps(config_to_json(model.config), indent=2)
    write_text(directory / CONFIG_FILE, text + "\n")


def load_pretrained(directory: Path | str, *, dtype: Any = np.float32) -> GPT | Transformer:
    """Read a model that :func:`save_pretrained` wrote: whichever the directory holds.

    Raises
    ------
    UserError
        If a file is missing, damaged, or the weights do not belong to the configuration.
    """
    directory = Path(directory)
    config = read_config(directory)
    model = (
        Transformer(config, dtype=dtype)
        if isinstance(config, TransformerConfig)
        else GPT(config, dtype=dtype)
    )
    values = {name: parameter.value for name, parameter in model.store.named.items()}
    load_tensors(directory / WEIGHTS_FILE, values)
    return model


def read_config(directory: Path) -> GPTConfig | TransformerConfig:
    """The configuration of the model in a directory."""
    path = directory / CONFIG_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{directory} is not a model: there is no {CONFIG_FILE} in it; "
            "name a folder that `scratchgpt train --out` made"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    of_ours = isinstance(values, dict) and values.get("model_type") == TRANSFORMER_TYPE
    kind = "Transformer" if of_ours else "GPT"
    try:
        return config_from_json(values)
    except KeyError as error:
        raise UserError(f"{path} is not the configuration of a {kind}: no {error}") from error
    except (AttributeError, TypeError) as error:
        raise UserError(f"{path} is not the configuration of a {kind}: {error}") from error


def config_to_json(config: GPTConfig | TransformerConfig) -> dict[str, Any]:
    """A configuration in the vocabulary of Hugging Face's ``config.json``.

    Two fields have no counterpart there, ``bias`` and ``norm_position``. A model that needs them
    calls itself by another ``model_type``, so that nothing loads it as the GPT-2 it is not.
    """
    if isinstance(config, TransformerConfig):
        head = {"architectures": ["Transformer"], "model_type": TRANSFORMER_TYPE}
        return {**head, **config.as_dict()}
    is_gpt2 = config.bias and config.norm_position == "pre"
    return {
        "architectures": ["GPT2LMHeadModel"] if is_gpt2 else ["GPT"],
        "model_type": "gpt2" if is_gpt2 else "scratchgpt",
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_embd": config.n_embd,
        "n_positions": config.block_size,
        "vocab_size": config.vocab_size,
        "n_inner": config.n_inner,
        "activation_function": _ACTIVATION_NAMES[config.activation],
        "layer_norm_epsilon": config.layer_norm_epsilon,
        "attn_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "resid_pdrop": config.dropout,
        "tie_word_embeddings": config.tied_head,
        "bias": config.bias,
        "norm_position": config.norm_position,
    }


def config_from_json(values: dict[str, Any]) -> GPTConfig | TransformerConfig:
    """The configuration that :func:`config_to_json` wrote."""
    if values.get("model_type") == TRANSFORMER_TYPE:
        return TransformerConfig(
            **{k: v for k, v in values.items() if k not in ("architectures", "model_type")}
        )
    names = {theirs: ours for ours, theirs in _ACTIVATION_NAMES.items()}
    return GPTConfig(
        n_layer=values["n_layer"],
        n_head=values["n_head"],
        n_embd=values["n_embd"],
        block_size=values["n_positions"],
        vocab_size=values["vocab_size"],
        dropout=values["resid_pdrop"],
        bias=values["bias"],
        norm_position=values["norm_position"],
        activation=names[values["activation_function"]],
        tied_head=values["tie_word_embeddings"],
        n_inner=values["n_inner"],
        layer_norm_epsilon=values["layer_norm_epsilon"],
    )


def save_tensors(
    path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None
) -> None:
    """Write named arrays as a safetensors file, whole or not at all."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    # safetensors writes arrays that are not contiguous wrongly, without a word.
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    with replacing(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode  # what others may do with a file of ours
        try:
            save_file(contiguous, temporary, metadata=metadata)
        except SafetensorError as error:  # how it reports a full disk
            raise OSError(str(error)) from error
        temporary.chmod(mode)  # safetensors leaves it to its owner alone


def load_tensors(path: Path, values: dict[str, np.ndarray]) -> None:
    """Fill ``values`` from the arrays of the same names in a safetensors file.

    Raises
    ------
    UserError
        If the file is missing or damaged, or its names or shapes are not those of ``values``.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = set(file.keys())
            for name in sorted(names ^ values.keys()):
                whose = "has no" if name in values else "has an unexpected"
                raise UserError(
                    f"{path} {whose} array {name!r}: it belongs to a model of another configuration"
                )
            for name, value in values.items():
                array = file.get_tensor(name)
                if array.shape != value.shape:
                    raise UserError(
                        f"{path}: {name} is {array.shape} but the configuration needs "
                        f"{value.shape}; it belongs to a model of another configuration"
                    )
                value[...] = array
    except FileNotFoundError:
        raise UserError(f"{path} is missing") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is damaged or not a safetensors file: {error}") from error
