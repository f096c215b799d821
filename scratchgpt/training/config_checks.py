"""The checks of the settings of a training run."""

import math
from typing import Any

from scratchgpt.arguments import check_whole, real_number
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.optim.muon import ADJUSTMENTS
from scratchgpt.precision import PRECISIONS

SCHEDULES = ("cosine", "linear", "constant", "inverse_sqrt", "wsd")
OPTIMIZERS = ("adamw", "muon")

# Settings that have an effect only with some values of another setting.
NEEDS = {
    "min_lr": ("schedule", ("cosine", "wsd")),
    "decay_steps": ("schedule", ("wsd",)),
    "muon_lr": ("optimizer", ("muon",)),
    "muon_momentum": ("optimizer", ("muon",)),
    "muon_adjust_lr": ("optimizer", ("muon",)),
}


def check_settings(config: Any) -> None:
    """Raise UserError for a value of a :class:`TrainConfig` that is out of range or unused."""
    _check_numbers(config)
    for name, choices in (
        ("schedule", SCHEDULES),
        ("precision", PRECISIONS),
        ("optimizer", OPTIMIZERS),
        ("muon_adjust_lr", ADJUSTMENTS),
    ):
        value = getattr(config, name)
        if value not in choices:
            raise UserError(
                f"{name}={value!r} is not one of {', '.join(choices)}"
                f"{did_you_mean(str(value), choices)}"
            )
    for name, (setting, values) in NEEDS.items():
        value, now = getattr(config, name), getattr(config, setting)
        if value != getattr(type(config), name) and now not in values:
            raise UserError(
                f"{name}={value} has no effect with {setting}={now!r}, only with "
                f"{' and '.join(values)}; leave it out"
            )
    _check_schedule(config)
    if not isinstance(config.recompute, bool):
        raise UserError(f"recompute={config.recompute!r} must be true or false")
    if not isinstance(config.freeze, str):
        raise UserError(f"freeze={config.freeze!r} must be a string, names separated by commas")
    if not isinstance(config.best, str):
        raise UserError(f"best={config.best!r} must be a string, the name of a score")
    if config.best_mode not in (None, "min", "max"):
        raise UserError(f"best_mode={config.best_mode!r} must be min or max")
    if config.best_mode is None and not config.best.endswith("loss"):
        raise UserError(
            f"best={config.best!r} needs a direction; set best_mode=max if higher is better, "
            "best_mode=min if lower is better"
        )


def _check_numbers(config: Any) -> None:
    """Check the numbers one by one."""
    for name in ("steps", "batch_size", "tokens_per_batch", "grad_accum"):
        _check_whole(config, name, least=1)
    for name in ("checkpoint_interval", "log_interval"):
        _check_whole(config, name, least=1)
    for name in ("average", "eval_interval", "sample_interval", "seed"):
        _check_whole(config, name, least=0)
    for name, least in (("eval_batches", 1), ("warmup_steps", 0)):
        if getattr(config, name) is not None:
            _check_whole(config, name, least=least)
    optional = ("epochs", "decay_steps", "muon_lr")
    given = (name for name in optional if getattr(config, name) is not None)
    for name in ("lr", "eps", *given):
        _check_number(config, name)
        if not getattr(config, name) > 0:
            raise UserError(f"{name}={getattr(config, name)} must be greater than 0")
    below_one = ("beta1", "beta2", "label_smoothing", "token_dropout", "muon_momentum")
    for name in ("weight_decay", "grad_clip", "mixed_pairs", *below_one):
        _check_number(config, name)
        if getattr(config, name) < 0:
            raise UserError(f"{name}={getattr(config, name)} must not be negative")
    for name in below_one:
        if getattr(config, name) >= 1:
            raise UserError(f"{name}={getattr(config, name)} must be less than 1")
    if config.mixed_pairs > 1:
        raise UserError(f"mixed_pairs={config.mixed_pairs} must not be more than 1")
    if config.min_lr is not None:
        _check_number(config, "min_lr")
        if not 0 <= config.min_lr <= config.lr:
            raise UserError(f"min_lr={config.min_lr} must be between 0 and lr={config.lr}")


def _check_schedule(config: Any) -> None:
    """Check that neither warm-up nor decay is longer than the run, if its steps are known."""
    if config.decay_steps is not None and 1 <= config.decay_steps != int(config.decay_steps):
        raise UserError(
            f"decay_steps={config.decay_steps} must be a whole number of steps, or a fraction "
            "below 1"
        )
    if config.epochs is not None:
        return
    if config.warmup_steps is not None and config.warmup_steps > config.steps:
        raise UserError(
            f"warmup_steps={config.warmup_steps} is more than steps={config.steps}; choose fewer"
        )
    if config.schedule == "wsd" and config.n_decay > config.steps:
        raise UserError(
            f"decay_steps={config.decay_steps} is more than steps={config.steps}; choose fewer"
        )


def _check_whole(config: Any, name: str, *, least: int) -> None:
    check_whole(name, getattr(config, name), least=least)


def _check_number(config: Any, name: str) -> None:
    value = getattr(config, name)
    number = real_number(value)
    if number is None:
        raise UserError(f"{name}={value!r} must be a number")
    if not math.isfinite(number):
        raise UserError(f"{name}={value} must be finite")
