"""A model on the command line: the folder of a model, or of a run with checkpoints in it."""

import contextlib
from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.generation import check_tokenizer
from scratchgpt.models import (
    GPT,
    ModelConfig,
    QuantizedGPT,
    Transformer,
    load_pretrained,
    load_quantized,
    preset_config,
)
from scratchgpt.models.pretrained import CONFIG_FILE, is_quantized, read_config
from scratchgpt.text import Tokenizer, load_tokenizer
from scratchgpt.training import find_checkpoint

CHECKPOINTS = ("average", "best", "last")  # which is taken where none is named: the first


def find_model(path: Path, which: str | None = None) -> Path:
    """The model directory: ``path`` itself, or a checkpoint of the run in it.

    Parameters
    ----------
    path : Path
    which : {"average", "best", "last"}, optional
        None stands for the first of them that the run has: whoever has checkpoints averaged wants
        that, and a run that was never evaluated has no best.

    Raises
    ------
    UserError
        If there is none, or ``which`` asks for a checkpoint of what is none.
    """
    if (path / CONFIG_FILE).exists():
        if which is not None:
            raise UserError(f"{path} is a model, not a run with checkpoints; leave out --which")
        return path
    if not path.is_dir():
        raise UserError(
            f"there is no model or run in {path}; name a folder that `scratchgpt train --out` made"
        )
    if which is not None:
        return find_checkpoint(path, which)
    for checkpoint in CHECKPOINTS[:-1]:
        with contextlib.suppress(UserError):
            return find_checkpoint(path, checkpoint)
    return find_checkpoint(path, CHECKPOINTS[-1])


def load_any_model(path: Path, which: str | None = None) -> tuple[GPT | Transformer, Tokenizer]:
    """The model and the tokenizer that :func:`find_model` finds; float32, if it was quantised."""
    directory = find_model(path, which)
    if is_quantized(directory):
        model: Any = load_quantized(directory).dequantize()
    else:
        model = load_pretrained(directory)
    tokenizer = load_tokenizer(directory)
    check_tokenizer(model, tokenizer)
    return model, tokenizer


def load_model(path: Path, which: str | None = None) -> tuple[GPT | QuantizedGPT, Tokenizer]:
    """A model that continues texts, in the form that it was saved in, and its tokenizer."""
    directory = find_model(path, which)
    quantized = is_quantized(directory)
    model = load_quantized(directory) if quantized else load_gpt(directory)
    tokenizer = load_tokenizer(directory)
    check_tokenizer(model, tokenizer)
    return model, tokenizer


def load_gpt(directory: Path, dropout: float | None = None) -> GPT:
    """A model that continues texts and can be trained on, from a model directory."""
    _check_verb("generate", directory)
    return GPT.from_pretrained(directory, dropout=dropout)


def load_translator(path: Path, which: str | None = None) -> tuple[Transformer, Tokenizer]:
    """A model that translates, and its tokenizer."""
    directory = find_model(path, which)
    _check_verb("translate", directory)
    model, tokenizer = Transformer.from_pretrained(directory), load_tokenizer(directory)
    check_tokenizer(model, tokenizer)
    return model, tokenizer


def _check_verb(verb: str, directory: Path) -> None:
    """Refuse a model that another command uses."""
    config = read_config(directory)
    if config.verb != verb:
        raise UserError(f"the model in {directory} {config.task}; use scratchgpt {config.verb}")


def find_config(model: str) -> ModelConfig:
    """The configuration of a preset, or of the model that :func:`find_model` finds in a folder."""
    directory = Path(model)
    if directory.is_dir():
        return read_config(find_model(directory))
    return preset_config(model)
