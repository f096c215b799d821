"""The configuration of a model that starts from another one, possibly with more tokens."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.models.pretrained import read_config
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.model_folder import find_model, load_gpt

Config = TypeVar("Config", bound=GPTConfig)


def config_of_init(run: RunConfig, preset: str, noun: str) -> GPTConfig:
    """Read the configuration of the model in ``init``, of a run with its default preset.

    Parameters
    ----------
    run : RunConfig
    preset : str
        The preset of the recipe; a run with ``init`` has no other.
    noun : str
        What is trained, for error messages; for instance "an encoder".

    Raises
    ------
    UserError
        If the run has another preset, or ``init`` is not a GPT.
    """
    assert run.init is not None
    if run.preset != preset:
        raise UserError(
            f"preset={run.preset!r} does not apply with init={run.init!r}, which defines the "
            "sizes; leave out preset"
        )
    config = read_config(find_model(Path(run.init)))
    if not isinstance(config, GPTConfig):
        raise UserError(f"init={run.init!r} is not a GPT; {noun} starts from a GPT")
    return config


def changed_config(
    run: RunConfig,
    kind: type[Config],
    own: dict[str, Any],
    vocab_size: int | None,
    free: Collection[str] = ("dropout",),
) -> Config:
    """Return a configuration with the fields ``own`` and those that the run changes.

    Parameters
    ----------
    run : RunConfig
    kind : type
    own : dict
        Fields of the model in ``init``.
    vocab_size : int, optional
        Number of tokens of the tokenizer. The model gets as many rows, if it has fewer.
    free : collection of str
        The fields that a run may change. It may also choose a shorter context.

    Raises
    ------
    UserError
        If the run changes another field.
    """
    changed = kind.from_dict({**own, **run.model})
    for name, value in changed.as_dict().items():
        fits = name == "block_size" and value <= own[name]
        if name not in free and not fits and value != own[name]:
            raise UserError(
                f"{name}={value!r} does not fit the model in {run.init}, which has {own[name]!r}; "
                "leave it out"
            )
    # A table of the model may have more rows than its tokenizer has tokens.
    return changed.replace(vocab_size=max(own["vocab_size"], vocab_size or 0))


def shortened(gpt: GPT, block_size: int) -> GPT:
    """Return a GPT with a shorter context; a copy only if it has a table of positions to cut."""
    if block_size >= gpt.config.block_size:
        return gpt
    if gpt.transformer.wpe:
        return gpt.crop(block_size)
    gpt.config = gpt.transformer.config = gpt.config.replace(block_size=block_size)
    return gpt


def initial_gpt(run: RunConfig, config: GPTConfig) -> GPT:
    """Load the GPT in ``init`` with the context, the dropout and the rows of a configuration."""
    assert run.init is not None
    gpt = load_gpt(find_model(Path(run.init)), dropout=config.dropout)
    gpt = shortened(gpt, config.block_size)
    if config.vocab_size > gpt.config.vocab_size:
        gpt = gpt.with_vocabulary(config.vocab_size, run.training.seed)
    return gpt
