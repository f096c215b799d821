"""Find and load models in the folder of a model, or of a run with checkpoints."""

from pathlib import Path

from scratchgpt.checkpoints import find_checkpoint, run_model
from scratchgpt.embeddings.exchange.reading import is_sentence_transformer
from scratchgpt.errors import UserError, counted, did_you_mean
from scratchgpt.generation import check_tokenizer
from scratchgpt.models import (
    ALL_PRESETS,
    GPT,
    GPTConfig,
    ModelConfig,
    ModelKind,
    QuantizedGPT,
    Transformer,
    TransformerConfig,
    kind_of_config,
    load_quantized,
    preset_config,
)
from scratchgpt.models.directory import refuse_file
from scratchgpt.models.kinds import read_kind
from scratchgpt.models.pickles import refuse_pickle
from scratchgpt.models.pretrained import CONFIG_FILE, is_quantized, read_config
from scratchgpt.text import Tokenizer, has_tokenizer, load_tokenizer


def find_model(path: Path, which: str | None = None) -> Path:
    """Return the model directory: ``path`` itself, or a checkpoint of the run in it.

    Parameters
    ----------
    path : Path
    which : {"average", "best", "last"}, optional
        By default the first of them that the run has. A run has no average checkpoint unless
        ``average`` is set, and no best checkpoint if it is never evaluated.

    Raises
    ------
    UserError
        If there is no model in ``path``, or ``which`` is given for a folder that is not a run.
    """
    if (path / CONFIG_FILE).exists():
        if which is not None:
            raise UserError(
                f"--which {which}: {path} is a model, not a run with checkpoints; leave out --which"
            )
        return path
    refuse_file(path)
    if not path.is_dir():
        raise UserError(
            f"there is no model or run in {path}; name a folder written by `scratchgpt train --out`"
        )
    if which is not None:
        return find_checkpoint(path, which)
    model = run_model(path)
    if model is None:
        refuse_pickle(path)
    return model or find_checkpoint(path)


def load_model(path: Path, which: str | None = None) -> tuple[GPT | QuantizedGPT, Tokenizer]:
    """Load a GPT and its tokenizer; a quantized model stays quantized."""
    directory = find_model(path, which)
    quantized = is_quantized(directory)
    model = load_quantized(directory) if quantized else load_gpt(directory)
    tokenizer = load_tokenizer(directory)
    check_tokenizer(model, tokenizer)
    return model, tokenizer


def load_gpt(directory: Path, dropout: float | None = None) -> GPT:
    """Load a GPT that can be trained, from a model directory."""
    _check_kind(GPTConfig, directory)
    return GPT.from_pretrained(directory, dropout=dropout)


def load_gpt_to_evaluate(directory: Path) -> GPT:
    """Load a GPT in float32; a quantized model is dequantized."""
    if is_quantized(directory):
        return load_quantized(directory).dequantize()
    return load_gpt(directory)


def is_encoder(directory: Path) -> bool:
    """Whether the model in a directory encodes texts, in our format or sentence-transformers'."""
    return is_sentence_transformer(directory) or read_config(directory).verb == "embed"


def load_transformer(directory: Path) -> Transformer:
    """Load a translation model from a model directory."""
    _check_kind(TransformerConfig, directory)
    return Transformer.from_pretrained(directory)


def load_translator(path: Path, which: str | None = None) -> tuple[Transformer, Tokenizer]:
    """Load a translation model and its tokenizer."""
    directory = find_model(path, which)
    model, tokenizer = load_transformer(directory), load_tokenizer(directory)
    check_tokenizer(model, tokenizer)
    return model, tokenizer


def check_vocabulary(config: ModelConfig, n_tokens: int, directory: Path | None) -> None:
    """Raise UserError if a tokenizer of ``n_tokens`` tokens does not belong to a model.

    The model may have padding rows; if there is a tokenizer in its directory, its size decides.
    """
    fits = config.fits_vocabulary(n_tokens)
    if directory is not None and has_tokenizer(directory):
        fits = fits and n_tokens == load_tokenizer(directory).vocab_size
    if not fits:
        where = "" if directory is None else f" in {directory}"
        raise UserError(
            f"the tokenizer has {counted(n_tokens, 'token')} but the model{where} has "
            f"{config.vocab_size}, so they do not belong together; use the tokenizer.json that "
            "was saved with the model"
        )


def _check_kind(kind: type[ModelConfig], directory: Path) -> None:
    """Raise an error if the model belongs to another command."""
    if is_sentence_transformer(directory):
        raise UserError(
            f"{directory} is a model of sentence-transformers, which encodes texts as vectors; "
            "convert it with scratchgpt import, and use scratchgpt embed"
        )
    config = read_config(directory)
    if config.verb != kind.verb:
        raise UserError(
            f"the model in {directory} {config.task}; use scratchgpt {config.verb}, or "
            f"name a model that {kind.task}"
        )


def find_kind(model: str) -> tuple[ModelKind, ModelConfig]:
    """Return the kind and the configuration of a preset, or of the model in a folder."""
    directory = Path(model)
    if directory.is_dir():
        return read_kind(find_model(directory))
    if model not in ALL_PRESETS:
        refuse_file(directory)
        hint = did_you_mean(model, ALL_PRESETS) or f"; the presets are {', '.join(ALL_PRESETS)}"
        raise UserError(f"there is no folder and no preset {model!r}{hint}")
    config = preset_config(model)
    return kind_of_config(config), config


def find_config(model: str) -> ModelConfig:
    """Return the configuration of a preset, or of the model in a folder."""
    return find_kind(model)[1]
