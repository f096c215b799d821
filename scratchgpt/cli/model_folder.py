"""A model on the command line: the folder of a model, or of a run with checkpoints in it."""

from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.generation import check_tokenizer
from scratchgpt.models import GPT, GPTConfig, load_pretrained
from scratchgpt.models.pretrained import CONFIG_FILE, read_config
from scratchgpt.text import Tokenizer, load_tokenizer
from scratchgpt.training import find_checkpoint


def find_model(path: Path, which: str | None = None) -> Path:
    """The model directory: ``path`` itself, or a checkpoint of the run in it.

    Parameters
    ----------
    path : Path
    which : {"best", "last"}, optional
        None stands for the best, or the last of a run that was never evaluated.

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
    try:
        return find_checkpoint(path, "best")
    except UserError:
        return find_checkpoint(path, "last")


def load_model(path: Path, which: str | None = None) -> tuple[GPT, Tokenizer]:
    """The model and the tokenizer that :func:`find_model` finds."""
    directory = find_model(path, which)
    model, tokenizer = load_pretrained(directory), load_tokenizer(directory)
    if not isinstance(model, GPT):
        raise UserError(f"{directory} is not a GPT but a Transformer that translates")
    check_tokenizer(model, tokenizer)
    return model, tokenizer


def find_config(model: str) -> GPTConfig:
    """The configuration of a preset, or of the model that :func:`find_model` finds in a folder."""
    directory = Path(model)
    if not directory.is_dir():
        return GPTConfig.from_preset(model)
    config = read_config(find_model(directory))
    if not isinstance(config, GPTConfig):
        raise UserError(f"{directory} is not a GPT but a Transformer that translates")
    return config
