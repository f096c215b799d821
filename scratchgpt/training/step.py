"""The arithmetic of training: one update of the parameters, one pass over the validation part."""

import itertools
import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from scratchgpt.backend import Array, derive_seed
from scratchgpt.errors import UserError
from scratchgpt.memory import Arena
from scratchgpt.optim import AdamW, clip_scale, global_norm
from scratchgpt.precision import products_in
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.diagnosis import MicroBatch
from scratchgpt.training.freezing import frozen_names
from scratchgpt.training.model import Model
from scratchgpt.training.signals import StopRequest


class Batches(Protocol):
    """Where the arrays come from that the ``loss`` of a model takes, in its order; all int64.

    For a GPT those are tokens and targets (B, T), for a Transformer source (B, S), target and
    targets (B, T). Targets are the last, and one of -100 does not count. B, S and T may differ
    from batch to batch.

    ``train_batch`` is a pure function of its index: a resumed run sees what an unbroken one sees.
    """

    def train_batch(self, index: int) -> tuple[Array, ...]: ...

    def validation_batches(self) -> Iterator[tuple[Array, ...]]: ...


class Update(NamedTuple):
    """What one update was made of: loss and gradient norm are those before it.

    The loss is what is made small, that is with the smoothing of labels where there is any.
    """

    loss: float
    lr: float
    grad_norm: float
    tokens_per_s: float


class NotFinite(Exception):
    """A number that is none, and the micro-batches that it came from."""

    def __init__(self, what: str, micro_batches: list[MicroBatch], grad_norm: float | None):
        super().__init__(what)
        self.what = what
        self.micro_batches = micro_batches
        self.grad_norm = grad_norm


class Stepper:
    """Runs a model forward and backward, and moves its parameters.

    Each micro-batch runs inside the arena, so that after the first nothing is allocated.

    Attributes
    ----------
    frozen : set of str
        Names of the parameters that stay as they are.
    stop : StopRequest
        Looked at before each micro-batch.
    """

    def __init__(self, model: Model, batches: Batches, config: TrainConfig) -> None:
        self.model = model
        self.batches = batches
        self.config = config
        if config.precision != "float32" and model.dtype != np.float32:
            raise UserError(
                f"precision={config.precision!r} is for models in float32; "
                f"this one is in {model.dtype}"
            )
        self.frozen = frozen_names(model.store.named, config.freeze)
        if self.frozen != model.store.frozen:
            model.store.freeze(self.frozen)
        self.optimizer = AdamW(
            model.store,
            betas=(config.beta1, config.beta2),
            eps=config.eps,
            weight_decay=config.weight_decay,
        )
        self.arena = Arena()
        self.stop = StopRequest()

    def update(self, step: int) -> Update:
        """Accumulate the gradient of one big batch, clip it, and let AdamW move the parameters.

        The loss of the big batch is a mean over its counted tokens, so each micro-batch has the
        share that it has of them.

        Raises
        ------
        NotFinite, Stopped
            Before the parameters are touched.
        """
        began = time.perf_counter()
        config, store = self.config, self.model.store
        micro_batches = self._micro_batches(step)
        counts = [micro_batch.n_counted for micro_batch in micro_batches]
        n_counted = max(sum(counts), 1)
        loss = 0.0
        store.zero_grad()
        for micro_batch, count in zip(micro_batches, counts, strict=True):
            share = count / n_counted
            loss += share * self._micro_step(micro_batch, config.label_smoothing, dloss=share)
        with self.arena:
            norm = global_norm(store.grads)
        if not math.isfinite(norm):
            raise NotFinite(f"the gradient norm became {norm}", micro_batches, norm)
        lr = config.lr_at(step)
        scale = clip_scale(norm, config.grad_clip) if config.grad_clip else 1.0
        # An update may overflow; that shows in the next loss, or in the next checkpoint.
        with np.errstate(all="ignore"):
            self.optimizer.step(lr, scale)
        n_tokens = sum(micro_batch.n_tokens for micro_batch in micro_batches)
        return Update(loss, lr, norm, n_tokens / (time.perf_counter() - began))

    def evaluate(self) -> float:
        """Mean loss over the validation part, in nats a counted token.

        Nothing is dropped, and no label is smoothed.

        Raises
        ------
        UserError
            If there is no validation part.
        NotFinite, Stopped
        """
        total, n_counted = 0.0, 0
        batches = itertools.islice(self.batches.validation_batches(), self.config.eval_batches)
        for arrays in batches:
            micro_batch = MicroBatch(arrays)
            total += micro_batch.n_counted * self._micro_step(micro_batch)
            n_counted += micro_batch.n_counted
        if n_counted == 0:
            raise UserError(
                "there is nothing to validate on; give more text, or set eval_interval=0"
            )
        return total / n_counted

    def _micro_batches(self, step: int) -> list[MicroBatch]:
        first = step * self.config.grad_accum
        drops = self.model.config.dropout > 0
        return [
            MicroBatch(
                self.batches.train_batch(index),
                derive_seed(self.config.seed, "dropout", index) if drops else None,
            )
            for index in range(first, first + self.config.grad_accum)
        ]

    def _micro_step(
        self,
        micro_batch: MicroBatch,
        label_smoothing: float = 0.0,
        dloss: float | None = None,
    ) -> float:
        """The loss of one micro-batch; with ``dloss``, that times its gradient is added too."""
        self.stop.check()
        model: Any = self.model  # whichever it is, what it saves goes back to it
        # What is not finite is looked for here, and told in one line instead of NumPy's many.
        with self.arena, products_in(self.config.precision), np.errstate(all="ignore"):
            value, saved = model.loss(
                *micro_batch.arrays,
                label_smoothing=label_smoothing,
                dropout_seed=micro_batch.dropout_seed,
                recompute=self.config.recompute,
            )
            loss = float(value)
            if not math.isfinite(loss):
                raise NotFinite(f"the loss became {loss}", [micro_batch], None)
            if dloss is not None:
                model.loss_backward(dloss, saved, in_place=True)
        return loss
