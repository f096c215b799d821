"""The settings of a training run: a frozen dataclass that validates its values."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from scratchgpt.arguments import check_whole, plain_fields, real_number
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.optim import warmup_constant, warmup_cosine, warmup_inverse_sqrt, warmup_linear
from scratchgpt.precision import PRECISIONS

SCHEDULES = ("cosine", "linear", "constant", "inverse_sqrt")

# Settings that may change on resume: they affect later steps only.
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
        Number of optimizer updates. The cosine ends here, so a run that is resumed with more steps
        follows the longer cosine.
    epochs : float, optional
        Number of passes over the training data, instead of steps. Only for data that is read in
        epochs.
    batch_size : int
        Rows per micro-batch.
    tokens_per_batch : int
        For translation, conversations and preferences, instead of batch_size: maximum number of
        positions per micro-batch. For translation, this limits source and target separately.
    grad_accum : int
        Micro-batches whose gradients are summed for one update.
    lr : float
        Peak learning rate.
    min_lr : float, optional
        Final learning rate of the cosine; by default lr / 10. Other schedules refuse it.
    warmup_steps : int, optional
        Steps of linear warm-up; by default 1/20 of all steps, at most 100 (with inverse_sqrt 1/10,
        at most 4000; with linear 1/500). A run that is resumed with more steps keeps the warm-up
        of its start.
    schedule : {"cosine", "linear", "constant", "inverse_sqrt"}
        Learning rate after the warm-up: cosine, linear (to 0), constant or inverse_sqrt. See
        :mod:`scratchgpt.optim`.
    weight_decay : float
        Weight decay of AdamW, applied to matrices only.
    beta1 : float
        Decay rate of AdamW's first moment.
    beta2 : float
        Decay rate of AdamW's second moment.
    eps : float
        Added to the square root of AdamW's second moment.
    grad_clip : float
        Maximum norm of the gradient; 0 disables clipping.
    label_smoothing : float
        Fraction of the target probability that is spread over all tokens in training.
    token_dropout : float
        For encoders: fraction of the tokens of each text that are left out in training, at random.
    mixed_pairs : float
        For encoders: fraction of the pairs whose tokens are divided between query and document at
        random in training.
    average : int
        Number of final checkpoints to average at the end; 0 and 1 disable averaging. Checkpoints
        are those every ``checkpoint_interval`` steps, and the last.
    eval_interval : int
        Steps between evaluations; 0 disables evaluation. The model is also evaluated before the
        first step and after the last.
    best : str
        Score that selects the model saved as ``best/``: val_loss, val_NAME for a measure of the
        objective, or a score of the recipe.
    best_mode : {"min", "max"}, optional
        Whether a lower (min) or a higher (max) score is better; by default min if the name of the
        score ends in loss. For other scores it must be given.
    eval_batches : int, optional
        Number of validation batches per evaluation; by default all.
    sample_interval : int
        Steps between samples; 0 disables sampling. The trainer fires a ``sample`` event.
    checkpoint_interval : int
        Steps between checkpoints. There is always one before the first step and one after the last.
    log_interval : int
        Steps between log lines. Every evaluation adds a line to ``metrics.jsonl``.
    seed : int
        Random seed for weights, batches and dropout.
    recompute : bool
        Save memory by keeping only the inputs of blocks and recomputing the rest in the backward
        pass.
    precision : {"float32", "bf16", "tf32"}
        Precision of matrix products: float32, bf16, which is faster on processors with AVX-512
        BF16, or tf32, for GPUs only. See :mod:`scratchgpt.precision`.
    freeze : str
        Parameters and layers to freeze: names separated by commas, with wildcards as in file names:
        ``wte,wpe,h.[0-5]``.

    Raises
    ------
    UserError
        If a value is out of range. The message names the setting.
    """

    steps: int = 2000
    epochs: float | None = None
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
    token_dropout: float = 0.0
    mixed_pairs: float = 0.0
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
        plain_fields(self)
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
            if self.warmup_steps > self.steps and self.epochs is None:
                raise UserError(
                    f"warmup_steps={self.warmup_steps} is more than steps={self.steps}; "
                    "choose fewer"
                )
        for name in ("lr", "eps", *(["epochs"] if self.epochs is not None else [])):
            self._check_number(name)
            if not getattr(self, name) > 0:
                raise UserError(f"{name}={getattr(self, name)} must be greater than 0")
        below_one = ("beta1", "beta2", "label_smoothing", "token_dropout")
        for name in ("weight_decay", "grad_clip", "mixed_pairs", *below_one):
            self._check_number(name)
            if getattr(self, name) < 0:
                raise UserError(f"{name}={getattr(self, name)} must not be negative")
        for name in below_one:
            if getattr(self, name) >= 1:
                raise UserError(f"{name}={getattr(self, name)} must be less than 1")
        if self.mixed_pairs > 1:
            raise UserError(f"mixed_pairs={self.mixed_pairs} must not be more than 1")
        if self.min_lr is not None:
            self._check_number("min_lr")
            if not 0 <= self.min_lr <= self.lr:
                raise UserError(f"min_lr={self.min_lr} must be between 0 and lr={self.lr}")
            if self.schedule != "cosine":
                raise UserError(
                    f"min_lr={self.min_lr} has no effect with schedule={self.schedule!r}, only "
                    "with cosine; leave it out"
                )
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
        check_whole(name, getattr(self, name), least=least)

    def _check_number(self, name: str) -> None:
        value = getattr(self, name)
        number = real_number(value)
        if number is None:
            raise UserError(f"{name}={value!r} must be a number")
        if not math.isfinite(number):
            raise UserError(f"{name}={value} must be finite")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainConfig":
        """Return settings from named values; raise UserError for an unknown name."""
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise UserError(f"unknown training setting {name!r}{did_you_mean(name, names)}")
        return cls(**values)

    @classmethod
    def of_run(cls, values: Mapping[str, Any]) -> "TrainConfig":
        """Return the settings in the files of an existing run, without names unknown here."""
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        return cls(**without_unused(known))

    def with_warmup_of(self, before: "TrainConfig") -> "TrainConfig":
        """Return the settings for resuming a run: its warm-up stays, unless one is given here."""
        n = min(before.n_warmup, self.steps)
        if self.warmup_steps is not None or n == self.n_warmup:
            return self
        return replace(self, warmup_steps=n)

    def in_steps(self, batches_per_epoch: int | None) -> "TrainConfig":
        """Return the settings with the number of steps that the epochs need.

        Parameters
        ----------
        batches_per_epoch : int or None
            None if the data is not read in epochs.

        Raises
        ------
        UserError
            If ``epochs`` is given for such data.
        """
        if self.epochs is None:
            return self
        if batches_per_epoch is None:
            raise UserError(
                f"epochs={self.epochs} has no effect: this data is not read in epochs; set steps"
            )
        n_steps = math.ceil(self.epochs * batches_per_epoch / self.grad_accum)
        return replace(self, steps=n_steps, epochs=None)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lr_at(self, step: int) -> float:
        """Return the learning rate of one step, counted from 0."""
        warmup_steps = self.n_warmup
        if self.schedule == "constant":
            return warmup_constant(step, lr=self.lr, warmup_steps=warmup_steps)
        if self.schedule == "linear":
            return warmup_linear(
                step, lr=self.lr, warmup_steps=warmup_steps, decay_steps=self.steps
            )
        if self.schedule == "inverse_sqrt":
            return warmup_inverse_sqrt(step, lr=self.lr, warmup_steps=warmup_steps)
        return warmup_cosine(
            step,
            lr=self.lr,
            min_lr=self.lr / 10 if self.min_lr is None else self.min_lr,
            warmup_steps=warmup_steps,
            decay_steps=self.steps,
        )

    @property
    def n_warmup(self) -> int:
        """Number of warm-up steps, given or default."""
        if self.warmup_steps is not None:
            return self.warmup_steps
        if self.schedule == "inverse_sqrt":
            return min(4000, self.steps // 10)
        if self.schedule == "linear":
            return self.steps // 500
        return min(100, self.steps // 20)


def without_unused(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without a ``min_lr`` that has no effect, which older versions allowed."""
    unused = "min_lr" if values.get("schedule", TrainConfig.schedule) != "cosine" else ""
    return {name: value for name, value in values.items() if name != unused}
