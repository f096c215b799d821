"""The file of a sweep: a run, and the settings that its trials choose."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchgpt.arguments import real_number
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.recipes.config import RunConfig, Settings
from scratchgpt.recipes.resolve import Layer, configure, refuse_standard_input, resolve
from scratchgpt.recipes.run_file import read_settings
from scratchgpt.training.config_checks import NEEDS

if TYPE_CHECKING:
    import optuna

SECTION = "sweep"
_SECTIONS = ("model", "method", "training")
_BOUNDS: dict[str, Any] = {"low": None, "high": None, "log": False}  # with defaults


@dataclass(frozen=True)
class Varied:
    """A setting that the trials of a sweep choose.

    Attributes
    ----------
    section : str or None
        Section of the configuration file; None is its top level.
    name : str
    choices : tuple
        The values to choose from; empty if it is a range.
    low, high : int or float
        The range, both ends included. If both are whole numbers, so are the values.
    log : bool
        Whether the logarithm of the value is uniform, rather than the value.
    """

    section: str | None
    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0
    high: float = 0
    log: bool = False

    def choose(self, trial: "optuna.Trial") -> Any:
        """Return the value of a trial."""
        if self.choices:
            return trial.suggest_categorical(self.name, self.choices)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(self.name, self.low, self.high, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    @property
    def examples(self) -> tuple[Any, ...]:
        """Values that must be allowed: all choices, or both ends of the range."""
        return self.choices or (self.low, self.high)


@dataclass(frozen=True)
class Sweep:
    """A run, and the settings that trials of it choose."""

    run: RunConfig
    varied: tuple[Varied, ...]

    def run_of(self, values: Mapping[str, Any]) -> RunConfig:
        """Return the run with the values of a trial, by the names of their settings.

        A setting that has no effect with the optimizer or the schedule of the trial is left out.

        Raises
        ------
        UserError
            If they do not fit together.
        """
        changes: dict[str, Any] = {}
        for one in self.varied:
            if one.name in values and not _is_unused(one, values):
                place = changes if one.section is None else changes.setdefault(one.section, {})
                place[one.name] = values[one.name]
        return configure(self.run, **changes)


def read_sweep(path: Path) -> Sweep:
    """Read the file of a sweep: a configuration file with a section ``sweep``.

    Each setting in ``[sweep.training]``, ``[sweep.model]``, ``[sweep.method]`` or ``[sweep]`` has
    a list of values to choose from, or a range: ``{ low = 1e-4, high = 1e-2, log = true }``.

    Raises
    ------
    UserError
        If a setting does not exist, or a list or a range is not valid.
    """
    settings = dict(read_settings(path))
    section = settings.pop(SECTION, None)
    if not isinstance(section, dict) or not section:
        raise UserError(
            f"{path} has no section [{SECTION}]; name the settings to vary, for example "
            "[sweep.training] with lr = { low = 1e-4, high = 1e-2, log = true }"
        )
    run = resolve([Layer(settings, str(path))])
    refuse_standard_input(run)
    sweep = Sweep(run, tuple(_read_section(section, path)))
    names = [one.name for one in sweep.varied]
    for one in sweep.varied:
        if names.count(one.name) > 1:
            raise UserError(f"{path} varies {one.name!r} in two sections; leave one of them out")
        _check_name(sweep, one, path)
    return sweep


def _is_unused(one: Varied, values: Mapping[str, Any]) -> bool:
    """Whether a setting has no effect with another value of the same trial."""
    setting, used = NEEDS.get(one.name, ("", ()))
    return setting in values and values[setting] not in used


def _check_name(sweep: Sweep, one: Varied, path: Path) -> None:
    """Refuse a setting that does not exist or none of whose values is allowed."""
    errors = []
    needed, used = NEEDS.get(one.name, ("", ()))
    with_effect = {
        other.name: choice
        for other in sweep.varied
        for choice in other.choices
        if other.name == needed and choice in used
    }
    for value in one.examples:
        try:
            sweep.run_of({**with_effect, one.name: value})
        except UserError as error:
            errors.append(error)
    if len(errors) == len(one.examples):
        raise UserError(f"{path}: no value of {one.name} in [{SECTION}] fits: {errors[0]}")


def _read_section(section: Settings, path: Path) -> list[Varied]:
    found = []
    for name, value in section.items():
        if name in _SECTIONS:
            if not isinstance(value, dict):
                raise UserError(f"{path}: {SECTION}.{name} is {value!r}, not a section")
            found += [_read_one(name, key, one, path) for key, one in value.items()]
        else:
            found.append(_read_one(None, name, value, path))
    return found


def _read_one(section: str | None, name: str, value: object, path: Path) -> Varied:
    where = f"{path}: {name} in [{SECTION}]"
    if isinstance(value, list):
        if not value or not all(isinstance(one, str | int | float) for one in value):
            raise UserError(f"{where} is {value!r}; list the values to choose from")
        return Varied(section, name, choices=tuple(dict.fromkeys(value)))
    if not isinstance(value, dict):
        raise UserError(
            f"{where} is {value!r}; give a list of values, or a range such as "
            "{ low = 1, high = 4 }"
        )
    for key in value:
        if key not in _BOUNDS:
            raise UserError(f"{where} has an unknown key {key!r}{did_you_mean(str(key), _BOUNDS)}")
    low, high, log = (value.get(key, default) for key, default in _BOUNDS.items())
    if _not_finite(low) or _not_finite(high) or not isinstance(log, bool):
        raise UserError(f"{where} needs the numbers low and high, and log = true or false")
    if not low < high or (log and low <= 0):
        raise UserError(
            f"{where}: low={low} must be less than high={high}"
            f"{', and greater than 0 because log = true' if log else ''}"
        )
    return Varied(section, name, low=low, high=high, log=log)


def _not_finite(value: object) -> bool:
    number = real_number(value)
    return number is None or not math.isfinite(number)
