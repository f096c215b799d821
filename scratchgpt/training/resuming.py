"""The settings that a resumed run must share with the checkpoint it continues."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.training.checkpoint import TrainingState
from scratchgpt.training.config import CHANGEABLE, DECAY, TrainConfig
from scratchgpt.training.config_checks import NEEDS


def check_resumable(
    saved: TrainingState,
    current: TrainingState,
    run_directory: Path,
    model_defaults: dict[str, Any],
) -> None:
    """Refuse to resume a run with settings that differ from those it was started with.

    A setting that did not exist when the run was started counts as its default.

    Raises
    ------
    UserError
        If a setting differs. The message names the setting and both values.
    """
    run = f"the run in {run_directory}"
    for name, other in (("dtype", "another"), ("tokenizer", "another"), ("data", "other")):
        before, now = getattr(saved, name), getattr(current, name)
        if before != now:
            detail = f" ({before}, now {now})" if name == "dtype" else ""
            raise UserError(
                f"{run} was started with {other} {name}{detail}; "
                f"resume it with the same {name}, or choose another folder"
            )
    models = {**model_defaults, **saved.model_config}, current.model_config
    check_same(run_directory, "model", *models)
    check_same(
        run_directory,
        "training",
        {**saved.train_config, **_with_defaults(saved.train_config)},
        _with_defaults(current.train_config),
        CHANGEABLE,
    )
    if current.train_config["steps"] < saved.step:
        raise UserError(
            f"{run} is already at step {saved.step}, past steps={current.train_config['steps']}; "
            "choose more steps"
        )


def check_same(
    run_directory: Path,
    title: str,
    saved: dict[str, Any],
    current: dict[str, Any],
    allowed: frozenset[str] = frozenset(),
) -> None:
    """Refuse to resume a run if a setting of its model or its training differs.

    Parameters
    ----------
    run_directory : Path
    title : {"model", "training"}
    saved, current : dict
    allowed : set of str
        The settings that may differ.

    Raises
    ------
    UserError
        For the first setting that differs.
    """
    for name in {**saved, **current}:
        before, now = saved.get(name), current.get(name)
        if before == now or name in allowed:
            continue
        was = f"with {title} setting {name}={before!r}, not {now!r}"
        if before is None:
            was = f"without {title} setting {name}, not with {name}={now!r}"
        elif now is None:
            was = f"with {title} setting {name}={before!r}, not without it"
        raise UserError(
            f"the run in {run_directory} was started {was}; resume it with the same value, or "
            "choose another folder"
        )


def _with_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """Return training settings with the number that a None means, where it has an effect.

    Settings with the same effect are then equal.
    """
    config = TrainConfig.of_run(values)
    numbers: dict[str, Any] = {
        "min_lr": config.final_lr,
        "decay_steps": DECAY,
        "muon_lr": config.peak_muon_lr,
    }
    for name, number in numbers.items():
        setting, used = NEEDS[name]
        if getattr(config, name) is None and getattr(config, setting) in used:
            config = replace(config, **{name: number})
    return config.as_dict()
