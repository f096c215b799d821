"""Resolve the settings of a run: options override a file, which overrides the recipe's defaults."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.models import KINDS
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.model_folder import find_model
from scratchgpt.recipes.paths import find_from
from scratchgpt.recipes.registry import RECIPES, find_recipe
from scratchgpt.recipes.resuming import check_resumed
from scratchgpt.recipes.run_file import CONFIG_FILE, read_settings
from scratchgpt.text import cache_directory, find_documents
from scratchgpt.training.config import TrainConfig, without_unused
from scratchgpt.training.config_checks import NEEDS


class Layer(NamedTuple):
    """Settings that override those of earlier layers, and their name in error messages."""

    values: Settings
    source: str


def configure(base: RunConfig | None = None, **settings: object) -> RunConfig:
    """Make the configuration of a run; missing settings come from the recipe for the task.

    Parameters
    ----------
    base : RunConfig, optional
        A run whose settings are overridden, instead of those of the recipe.
    **settings
        Fields of :class:`RunConfig`. ``model`` and ``training`` are dictionaries of the fields to
        override.

    Raises
    ------
    UserError
        If a setting does not exist, is out of range, or does not fit the others.

    Examples
    --------
    >>> run = configure(task="sort", preset="gpt-nano", training={"steps": 20})
    >>> run.training.steps, run.training.lr
    (20, 0.001)
    >>> configure(run, training={"lr": 0.01}).training.steps
    20
    """
    layers = [Layer(settings, "the settings")]
    return _merged(base or _recipe(layers), layers)


def read_run(out_dir: Path | str) -> RunConfig:
    """Read the configuration of the run in a folder.

    A run that started from a model (``init``) takes its sizes and its tokenizer from its own
    checkpoint, if it has one: the model that it started from may be gone. A run with adapters
    still needs that model.
    """
    return read_run_config(Path(out_dir) / CONFIG_FILE)


def read_run_config(path: Path) -> RunConfig:
    """Read a configuration file; see :func:`read_run`."""
    values = find_from(path.parent, read_settings(path))
    if not values:
        raise UserError(f"{path} is empty; restore it from a copy, or from the command of the run")
    if isinstance(training := values.get("training"), dict):
        values["training"] = without_unused(training)
    if "init" in values and not values.get("lora_rank"):
        with contextlib.suppress(UserError):
            own = str(find_model(path.parent, "last"))
            values |= {"init": own, "tokenizer": own}
    layers = [Layer(values, str(path))]
    if isinstance(init := values.get("init"), str):
        try:
            find_model(Path(init))
        except UserError as error:
            raise UserError(f"the run in {path.parent} needs its init: {error}") from error
    return _merged(_recipe(layers), layers, check_effect=False)


def resolve(layers: Sequence[Layer], *, resumed: Path | None = None) -> RunConfig:
    """Merge layers of settings into the configuration of a run.

    Parameters
    ----------
    layers : sequence of Layer
        Each overrides the earlier ones.
    resumed : Path, optional
        Folder of the run whose configuration they override; by default, that of the recipe.

    Raises
    ------
    UserError
        As :func:`configure`, and if there is no run to resume.
    """
    if resumed is None:
        run = _recipe(layers)
    elif (resumed / CONFIG_FILE).exists():
        run = read_run(resumed)
    else:
        raise UserError(
            f"there is no run to resume in {resumed}; leave out --resume to start a run, or name "
            "the folder of another run"
        )
    return _merged(run, layers, resumed=resumed)


def keep_standard_input(run: RunConfig) -> RunConfig:
    """Save standard input and pipes to files and name these, so that the run can be resumed."""
    return replace(run, corpus=tuple(_kept(word, run.task) for word in run.corpus))


def refuse_standard_input(run: RunConfig) -> None:
    """Raise UserError if the corpus can be read once only, and thus not by several processes."""
    for word in run.corpus:
        if _is_read_once(word, run.task):
            name = "standard input" if word == "-" else word
            raise UserError(
                f"several processes cannot all read {name}; save the text to a file and name it"
            )


def _is_read_once(word: str, task: str | None) -> bool:
    is_pipe = os.path.exists(word) and not os.path.isfile(word) and not os.path.isdir(word)
    return is_pipe or (word == "-" and task is None)


def _kept(word: str, task: str | None) -> str:
    if not _is_read_once(word, task):
        return word
    [document] = find_documents([word], cache_directory())
    return str(document.path)


def _recipe(layers: Sequence[Layer]) -> RunConfig:
    """Return the default run of the recipe for the task that the layers choose."""
    task: object = None
    corpus: tuple[str, ...] = ()
    for values, _ in layers:
        task, corpus = _chosen_data(task, corpus, values)
    values = dict(find_recipe(task).defaults(corpus))
    init = next((v["init"] for v, _ in reversed(layers) if v.get("init") is not None), None)
    if isinstance(init, str):
        values |= {"init": init, "tokenizer": str(find_model(Path(init)))}
    return _run({**values, "task": task, "corpus": corpus}, TrainConfig())


def _merged(
    run: RunConfig,
    layers: Sequence[Layer],
    *,
    check_effect: bool = True,
    resumed: Path | None = None,
) -> RunConfig:
    """Override the settings of a run by those of layers, and check the result."""
    names = [field.name for field in fields(RunConfig)]
    changes: dict[str, Any] = {name: getattr(run, name) for name in names}
    changes["training"] = {}
    for layer in layers:
        _check_names(layer, names)
        sections = {}
        for name in ("model", "method", "training"):
            section = layer.values.get(name, {})
            if not isinstance(section, dict):
                raise UserError(f"{name} in {layer.source} must be a section, [{name}]")
            sections[name] = {**changes[name], **section}
            if name == "training":
                _choose_length(section, sections[name], layer.source)
                _drop_unused(section, sections[name])
        task, corpus = _chosen_data(changes["task"], changes["corpus"], layer.values)
        changes = {**changes, **layer.values, "task": task, "corpus": corpus, **sections}
    base, run = run, _run(changes, run.training)
    recipe = find_recipe(run.task)
    if resumed is not None:
        check_resumed(run, resumed, recipe.method_defaults)
    recipe.check_settings(run)
    for name, reason in recipe.unused(run).items() if check_effect else ():
        place, before = (run, base) if name in names else (run.training, base.training)
        value = getattr(place, name)
        if value != getattr(before, name):
            raise UserError(f"{name}={value!r} has no effect: {reason}; leave it out")
    return run


def _check_names(layer: Layer, names: Sequence[str]) -> None:
    """Refuse unknown settings, and those of another section."""
    places: dict[str, Sequence[str]] = {
        "": names,
        "training": [field.name for field in fields(TrainConfig)],
        "model": [name for kind in KINDS for name in kind.config.names()],
    }
    for section, known in places.items():
        values = layer.values if section == "" else layer.values.get(section, {})
        for name in values if isinstance(values, dict) else ():
            if name in known:
                continue
            own = next((place for place, others in places.items() if name in others), None)
            hint = did_you_mean(name, known)
            if own is not None:
                hint = f"; it belongs {f'in [{own}]' if own else 'above the sections'}"
            elif not hint and section == "":
                hint = f"; the settings are {', '.join(names)}"
            kind = f"{section} " if section else ""
            raise UserError(f"unknown {kind}setting {name!r} in {layer.source}{hint}")


def _choose_length(given: dict[str, Any], training: dict[str, Any], source: str) -> None:
    """Let steps override the epochs of earlier layers."""
    if given.get("steps") is None:
        return
    if given.get("epochs") is not None:
        raise UserError(
            f"steps={given['steps']!r} and epochs={given['epochs']!r} in {source}: give only one "
            "of them"
        )
    training["epochs"] = None


def _drop_unused(given: dict[str, Any], training: dict[str, Any]) -> None:
    """Drop settings of earlier layers that have no effect with a new schedule or optimizer."""
    for name, (setting, values) in NEEDS.items():
        if given.get(setting, values[0]) not in values and given.get(name) is None:
            training[name] = getattr(TrainConfig, name)


def _run(values: dict[str, Any], training: TrainConfig) -> RunConfig:
    """Make a run from unchecked values; RunConfig and TrainConfig check them."""
    changed = {**asdict(training), **values.get("training", {})}
    return RunConfig(**{**values, "training": TrainConfig.from_dict(changed)})


def _chosen_data(
    task: object, corpus: tuple[str, ...], values: Settings
) -> tuple[object, tuple[str, ...]]:
    """Return task and corpus after a layer of settings.

    A corpus replaces a task that generates its data, and such a task replaces a corpus. A task that
    takes a corpus keeps the corpus.
    """
    given: Any = values.get("corpus", ())
    given = tuple(given) if isinstance(given, list | tuple) else (given,)
    new_task = values.get("task")
    if new_task is not None:
        return new_task, given or (corpus if new_task == task else ())
    if given:
        takes_corpus = isinstance(task, str) and task in RECIPES and not RECIPES[task].makes_data
        return (task if takes_corpus else None), given
    return task, corpus
