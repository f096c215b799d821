"""Options of the command line, generated from the fields of the configurations.

A field of :class:`RunConfig`, of :class:`TrainConfig` or of the configuration of a model is an
option of the same name: its type and default are those of the field, and its help is the first
sentence of the field's description in the class's docstring.
"""

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, NamedTuple, get_type_hints

import typer

from scratchgpt.cli.completion import complete, presets, tasks, tokenizers
from scratchgpt.models import (
    GPTClassifierConfig,
    GPTConfig,
    GPTEncoderConfig,
    TransformerConfig,
)
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.registry import find_recipe
from scratchgpt.training.config import TrainConfig

# The options that every verb that trains has besides its settings.
ConfigFile = Annotated[
    Path | None, typer.Option(help="TOML file with settings; command-line options override it.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue the run in --out exactly where it stopped.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]

# A section of the configuration file (None: its top level), and the class whose fields are in it.
# If two models have a field of the same name, the help is that of the first.
SECTIONS = (
    (None, RunConfig),
    ("model", GPTConfig),
    ("model", TransformerConfig),
    ("model", GPTEncoderConfig),
    ("model", GPTClassifierConfig),
    ("training", TrainConfig),
)
# Fields that can be set in a configuration file only.
FILE_ONLY = {
    "corpus",
    "model",
    "method",
    "training",
    "eps",
    "vocab_size",
    "source_vocab_size",
    "padding_id",
    "layer_norm_epsilon",
    "scale_attn_weights",
    "scale_attn_by_inverse_layer_idx",
    "norm_weight",
    "embedding_norm",
    "rope_theta",
    "rope_scaling",
    "rope_pairing",
    "rope_reversed",
    "window_layers",
    "attention_soft_cap",
    "logit_soft_cap",
    "qkv_bias",
    "proj_bias",
    "mlp_bias",
    "scale_embeddings",
    "shared_embeddings",
    "problem",
    "labels",
    "center",
    "spread",
}
# Settings of the options of one command, which others leave out.
OF_CONTRASTIVE = ("pooling", "dims", "token_dropout", "mixed_pairs")
OF_FINETUNE = ("columns", "label_column", "classifier_dropout", "lm_weight")
LISTS: dict[object, object] = {tuple[int, ...]: list[int], tuple[str, ...]: list[str]}
COMPLETIONS = {
    "preset": complete(presets),
    "task": complete(tasks),
    "tokenizer": complete(tokenizers),
    "init": complete(folders=True),
    "reward_model": complete(folders=True),
}
FLAGS = {"tied_head": "--tied-head/--untied-head"}  # other flags are --NAME/--no-NAME


class Setting(NamedTuple):
    """A field of a configuration that is an option of the command line.

    Attributes
    ----------
    section : str or None
        Section of the configuration file; None is its top level.
    hint : type
        Type of the field; the option also allows None.
    default : object
        Default that the help shows. None shows no default, as for fields of models, whose defaults
        come from the preset.
    help : str
    values : tuple of str
        The values that the docstring lists; empty if it lists none.
    """

    section: str | None
    hint: object
    default: object
    help: str
    values: tuple[str, ...]


def settings(method: type | None = None, task: str | None = None) -> dict[str, Setting]:
    """Return the fields that are options, by name.

    Parameters
    ----------
    method : type, optional
        The settings of the objective.
    task : str, optional
        The defaults are those of the recipe for this task.
    """
    found: dict[str, Setting] = {}
    for section, kind in (*SECTIONS, *([("method", method)] if method else [])):
        descriptions = described_fields(kind)
        hints = get_type_hints(kind)
        for field in fields(kind):
            name = field.name
            if name in FILE_ONLY or name in found:
                continue
            # The preset has the sizes of a model.
            is_of_preset = section == "model" and kind is not GPTClassifierConfig
            default: object = None if is_of_preset else field.default
            help_ = first_sentence(descriptions[name])
            values = listed_values(kind, name)
            hint = LISTS.get(hints[name], hints[name])
            found[name] = Setting(section, hint, default, help_, values)
    return {**found, **_with_defaults(found, task)} if task else found


def _with_defaults(found: Mapping[str, Setting], task: str) -> dict[str, Setting]:
    """Return the settings that have another default in the recipe for a task."""
    values = dict(find_recipe(task).defaults(()))
    for section in ("model", "method", "training"):
        part = values.pop(section, {})
        assert isinstance(part, dict)
        values |= part
    if "epochs" in values:  # instead of steps
        values["steps"] = None
    return {
        name: found[name]._replace(
            default=value, help=re.sub(r"[;,] by default .*(?=\.$)", "", found[name].help)
        )
        for name, value in values.items()
        if name in found
    }


def add_options(
    command: Callable[..., None],
    without: Collection[str] = (),
    method: type | None = None,
    task: str | None = None,
) -> None:
    """Give a command an option for each setting; it takes them as keyword arguments.

    An option that is left out is None: it does not override the configuration file.

    Parameters
    ----------
    command : callable
    without : collection of str
        Settings that are not options of this command.
    method : type, optional
        The settings of the objective, which are options too.
    task : str, optional
        The task whose defaults the help shows.
    """
    signature = inspect.signature(command)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = [
        _parameter(name, setting)
        for name, setting in settings(method, task).items()
        if name not in without
    ]
    # Typer reads the parameters of a command from its signature.
    command.__signature__ = signature.replace(parameters=own + options)  # type: ignore[attr-defined]


def by_section(given: Mapping[str, object], method: type | None = None) -> dict[str, object]:
    """Arrange the values of options as in a configuration file; those left out are missing."""
    model: dict[str, object] = {}
    training: dict[str, object] = {}
    arranged: dict[str, object] = {"model": model, "training": training}
    places: dict[str | None, dict[str, object]] = {
        None: arranged,
        "model": model,
        "training": training,
    }
    if method is not None:
        places["method"] = {}
        arranged["method"] = places["method"]
    for name, setting in settings(method).items():
        value = given.get(name)
        if value is not None and value != ():  # an option that may be repeated is () without values
            places[setting.section][name] = value
    return arranged


def _parameter(name: str, setting: Setting) -> inspect.Parameter:
    # The help shows nothing that is empty as a default.
    shown = "" if setting.default in (None, "", ()) else f" [default: {setting.default}]"
    declarations = [FLAGS[name]] if name in FLAGS else []
    option = typer.Option(
        *declarations,
        help=setting.help + shown,
        show_default=False,
        autocompletion=COMPLETIONS.get(name) or complete(lambda: setting.values),
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[setting.hint | None, option],  # type: ignore[operator]
    )


def described_fields(kind: type) -> dict[str, str]:
    """Return the description of each name in the "Parameters" section of a docstring.

    A class also has the fields of its bases, which their docstrings describe.
    """
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        found |= _described_names(inspect.cleandoc(base.__doc__ or ""))
    return found


def _described_names(docstring: str) -> dict[str, str]:
    _, _, section = docstring.partition("Parameters\n----------\n")
    section = re.split(r"\n\n\w+\n---+\n", section)[0]
    # A line without indentation names one or more fields; indented lines describe them.
    entries = re.findall(
        r"^(\w[\w, ]*?)(?: : .*)?\n((?:(?: .*)?\n)*)", section + "\n", re.MULTILINE
    )
    return {
        name: " ".join(description.split())
        for names, description in entries
        for name in names.split(", ")
    }


def listed_values(kind: type, name: str) -> tuple[str, ...]:
    """Return the values in the type of a field in its docstring: ``schedule : {"a", "b"}``."""
    for base in kind.__mro__:
        docstring = inspect.cleandoc(base.__doc__ or "")
        if listed := re.search(rf"^{name} : \{{(.*)\}}", docstring, re.MULTILINE):
            return tuple(re.findall(r'"([^"]+)"', listed[1]))
    return ()


def first_sentence(text: str) -> str:
    """Return the first sentence of a description, as plain text."""
    sentence = re.split(r"(?<=\.)\s", text, maxsplit=1)[0]
    return sentence.replace("``", "")
