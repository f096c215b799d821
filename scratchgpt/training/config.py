"""The settings of a training run: a frozen dataclass that validates its values."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from scratchgpt.arguments import plain_fields
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.optim import (
    warmup_constant,
    warmup_cosine,
    warmup_inverse_sqrt,
    warmup_linear,
    warmup_stable_decay,
)
from scratchgpt.training.config_checks import NEEDS, check_settings

DECAY = 0.2  # the default fraction of all steps in which wsd decays

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
        follows the longer cosine. So does the decay of wsd.
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
    optimizer : {"adamw", "muon"}
        AdamW for all parameters, or Muon for the weights of linear maps inside the model and AdamW
        for the rest. See :class:`scratchgpt.optim.MuonWithAdamW`.
    lr : float
        Peak learning rate.
    min_lr : float, optional
        Final learning rate of cosine and wsd; by default lr / 10, and 0 with wsd. Other schedules
        refuse it.
    warmup_steps : int, optional
        Steps of linear warm-up; by default 1/20 of all steps, at most 100 (with inverse_sqrt 1/10,
        at most 4000; with linear 1/500). A run that is resumed with more steps keeps the warm-up
        of its start.
    schedule : {"cosine", "linear", "constant", "inverse_sqrt", "wsd"}
        Learning rate after the warm-up: cosine, linear (to 0), constant, inverse_sqrt or wsd
        (constant, then linear to min_lr). See :mod:`scratchgpt.optim`.
    decay_steps : float, optional
        Steps of the decay at the end of wsd, or below 1 their fraction of all steps; by default
        0.2. Other schedules refuse it.
    weight_decay : float
        Weight decay of AdamW and Muon, applied to matrices only.
    beta1 : float
        Decay rate of AdamW's first moment.
    beta2 : float
        Decay rate of AdamW's second moment.
    eps : float
        Added to the square root of AdamW's second moment.
    muon_lr : float, optional
        Peak learning rate of Muon; by default 0.02, and lr with match_rms_adamw. The schedule is
        that of lr. 0.02 is the default of Muon's published code.
    muon_momentum : float
        Momentum of Muon.
    muon_adjust_lr : {"original", "match_rms_adamw"}
        How Muon adjusts its learning rate to the shape of a matrix; with match_rms_adamw, learning
        rates of AdamW fit. See :func:`scratchgpt.optim.rate_factor`.
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
    optimizer: str = "adamw"
    lr: float = 1e-3
    min_lr: float | None = None
    warmup_steps: int | None = None
    schedule: str = "cosine"
    decay_steps: float | None = None
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    eps: float = 1e-8
    muon_lr: float | None = None
    muon_momentum: float = 0.95
    muon_adjust_lr: str = "original"
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
        check_settings(self)

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
        if self.schedule == "wsd":
            return warmup_stable_decay(
                step,
                lr=self.lr,
                min_lr=self.final_lr,
                warmup_steps=warmup_steps,
                decay_steps=self.n_decay,
                steps=self.steps,
            )
        return warmup_cosine(
            step,
            lr=self.lr,
            min_lr=self.final_lr,
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

    @property
    def n_decay(self) -> int:
        """Number of steps of the decay of wsd, given or default."""
        decay = DECAY if self.decay_steps is None else self.decay_steps
        return math.ceil(decay * self.steps) if decay < 1 else int(decay)

    @property
    def muon_lr_ratio(self) -> float:
        """Learning rate of Muon divided by that of AdamW, which is the same at every step."""
        return self.peak_muon_lr / self.lr

    @property
    def peak_muon_lr(self) -> float:
        """Peak learning rate of Muon, given or default."""
        if self.muon_lr is not None:
            return self.muon_lr
        return self.lr if self.muon_adjust_lr == "match_rms_adamw" else 0.02

    @property
    def final_lr(self) -> float:
        """Final learning rate of cosine and wsd, given or default."""
        if self.min_lr is not None:
            return self.min_lr
        return 0.0 if self.schedule == "wsd" else self.lr / 10


def without_unused(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without a ``min_lr`` that has no effect, which older versions allowed."""
    unused = "" if values.get("schedule", TrainConfig.schedule) in NEEDS["min_lr"][1] else "min_lr"
    return {name: value for name, value in values.items() if name != unused}
