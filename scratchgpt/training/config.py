"""The settings of a training run: a frozen dataclass that refuses what makes no sense."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.optim import warmup_constant, warmup_cosine, warmup_inverse_sqrt
from scratchgpt.precision import PRECISIONS

SCHEDULES = ("cosine", "constant", "inverse_sqrt")

# What may differ when a run is resumed: it changes what comes, and leaves what was as it was.
CHANGEABLE = frozenset(
    {
        "steps",
        "eval_interval",
        "sample_interval",
        "checkpoint_interval",
        "log_interval",
        "recompute",
        "precision",
    }
)


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run. The defaults are nanoGPT's recipe for characters.

    Parameters
    ----------
    steps : int
        Updates of the parameters. The cosine ends here, so a run that is resumed with more steps
        goes on along the longer cosine.
    batch_size : int
        Rows of a micro-batch.
    tokens_per_batch : int
        Of sentence pairs, where a model translates, in place of ``batch_size``: how many
        positions the sources of a micro-batch may take, and the targets likewise.
    grad_accum : int
        Micro-batches to a step.
    lr, min_lr : float
        The highest learning rate and, of the cosine, the last; ``min_lr=None`` stands for a
        tenth of ``lr``.
    warmup_steps : int, optional
        None stands for a twentieth of the steps, at most 100; of ``inverse_sqrt`` for a tenth,
        at most 4000.
    schedule : {"cosine", "constant", "inverse_sqrt"}
        What follows the warm-up; see :mod:`scratchgpt.optim`.
    weight_decay, beta1, beta2, eps : float
        Of :class:`scratchgpt.optim.AdamW`.
    grad_clip : float
        Largest norm of the gradient; 0 does not clip.
    label_smoothing : float
        How much of the probability that a target has is spread over all tokens, in training.
    average : int
        How many of the last checkpoints, one every ``checkpoint_interval`` steps and one at the
        end, are averaged in the end; 0 and 1 for no average.
    eval_interval : int
        Steps from one evaluation to the next; there is one before the first step and one after
        the last. 0 never evaluates.
    best : str
        The score of an evaluation that decides which model is kept as ``best/``: ``val_loss``,
        ``val_NAME`` for a measure of the objective, or a score of the recipe.
    best_mode : {"min", "max"}, optional
        Whether lower or higher is better. None stands for ``"min"`` if ``best`` ends in ``loss``;
        for other scores it must be given.
    eval_batches : int, optional
        How many validation batches an evaluation takes; None takes all.
    sample_interval : int
        Steps from one ``sample`` event to the next; 0 for none.
    checkpoint_interval : int
        Steps from one checkpoint to the next; there is one at either end anyway.
    log_interval : int
        Steps from one line of ``metrics.jsonl`` to the next; evaluations get one anyway.
    seed : int
        Decides what dropout drops (and, for who builds model and batches, those).
    recompute : bool
        Keep the inputs of the blocks alone and compute the rest again in the backward pass.
    precision : {"float32", "bf16"}
        What the factors of matrix products are rounded to; see :mod:`scratchgpt.precision`.
    freeze : str
        Parameters and layers that stay as they are, separated by commas, with the wildcards of
        file names: ``wte,wpe,h.[0-5]``.

    Raises
    ------
    UserError
        If a value is out of range; says which.
    """

    steps: int = 2000
    batch_size: int = 12
    tokens_per_batch: int = 4096
    grad_accum: int = 1
    lr: float = 1e-3
    min_lr: float | None = None
    warmup_steps: int | None = None
    schedule: str = "cosine"
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    eps: float = 1e-8
    grad_clip: float = 1.0
    label_smoothing: float = 0.0
    average: int = 0
    eval_interval: int = 250
    best: str = "val_loss"
    best_mode: str | None = None
    eval_batches: int | None = None
    sample_interval: int = 0
    checkpoint_interval: int = 250
    log_interval: int = 10
    seed: int = 1337
    recompute: bool = False
    precision: str = "float32"
    freeze: str = ""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "tokens_per_batch", "grad_accum"):
            self._check_whole(name, least=1)
        for name in ("checkpoint_interval", "log_interval"):
            self._check_whole(name, least=1)
        for name in ("average", "eval_interval", "sample_interval", "seed"):
            self._check_whole(name, least=0)
        if self.eval_batches is not None:
            self._check_whole("eval_batches", least=1)
        if self.warmup_steps is not None:
            self._check_whole("warmup_steps", least=0)
            if self.warmup_steps > self.steps:
                raise UserError(
                    f"warmup_steps={self.warmup_steps} is more than steps={self.steps}; "
                    "choose fewer"
                )
        for name in ("lr", "eps"):
            self._check_number(name)
            if not getattr(self, name) > 0:
                raise UserError(f"{name}={getattr(self, name)} must be greater than 0")
        for name in ("weight_decay", "grad_clip", "beta1", "beta2", "label_smoothing"):
            self._check_number(name)
            if getattr(self, name) < 0:
                raise UserError(f"{name}={getattr(self, name)} must not be negative")
        for name in ("beta1", "beta2", "label_smoothing"):
            if getattr(self, name) >= 1:
                raise UserError(f"{name}={getattr(self, name)} must be less than 1")
        if self.min_lr is not None:
            self._check_number("min_lr")
            if not 0 <= self.min_lr <= self.lr:
                raise UserError(f"min_lr={self.min_lr} must be within 0 and lr={self.lr}")
        if not isinstance(self.recompute, bool):
            raise UserError(f"recompute={self.recompute!r} must be true or false")
        if not isinstance(self.freeze, str):
            raise UserError(f"freeze={self.freeze!r} must be a string, names separated by commas")
        if not isinstance(self.best, str):
            raise UserError(f"best={self.best!r} must be a string, the name of a score")
        if self.best_mode not in (None, "min", "max"):
            raise UserError(f"best_mode={self.best_mode!r} must be min or max")
        if self.best_mode is None and not self.best.endswith("loss"):
            raise UserError(
                f"best={self.best!r} needs a direction; set best_mode=max if higher is better, "
                "best_mode=min if lower is better"
            )
        for name, choices in (("schedule", SCHEDULES), ("precision", PRECISIONS)):
            value = getattr(self, name)
            if value not in choices:
                raise UserError(
                    f"{name}={value!r} is not one of {', '.join(choices)}"
                    f"{did_you_mean(str(value), choices)}"
                )

    def _check_whole(self, name: str, *, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise UserError(f"{name}={value!r} must be a whole number, {least} or more")

    def _check_number(self, name: str) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{name}={value!r} must be a number")
        if not math.isfinite(value):
            raise UserError(f"{name}={value} must be finite")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainConfig":
        """Settings from named values; an unknown name is refused."""
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise UserError(f"unknown training setting {name!r}{did_you_mean(name, names)}")
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lr_at(self, step: int) -> float:
        """The learning rate of one step, counted from 0."""
        warmup_steps = self._warmup_steps()
        if self.schedule == "constant":
            return warmup_constant(step, lr=self.lr, warmup_steps=warmup_steps)
        if self.schedule == "inverse_sqrt":
            return warmup_inverse_sqrt(step, lr=self.lr, warmup_steps=warmup_steps)
        return warmup_cosine(
            step,
            lr=self.lr,
            min_lr=self.lr / 10 if self.min_lr is None else self.min_lr,
            warmup_steps=warmup_steps,
            decay_steps=self.steps,
        )

    def _warmup_steps(self) -> int:
        if self.warmup_steps is not None:
            return self.warmup_steps
        if self.schedule == "inverse_sqrt":
            return min(4000, self.steps // 10)
        return min(100, self.steps // 20)
