"""Repeated training steps of a model on one batch."""

from collections.abc import Iterator
from dataclasses import replace

from scratchgpt.backend import Array, random_stream
from scratchgpt.measure.shapes import Shape
from scratchgpt.models import GPT
from scratchgpt.text import TokenBatch
from scratchgpt.training import NextToken, TrainConfig
from scratchgpt.training.step import Stepper

# A step is forward, backward, clipping at 1.0 and AdamW.
SETTINGS = TrainConfig(
    lr=1e-3,
    min_lr=1e-3,
    warmup_steps=0,
    beta1=0.9,
    beta2=0.99,
    weight_decay=0.1,
    grad_clip=1.0,
)


class _OneBatch:
    """Data source with the same tokens and targets for every step."""

    def __init__(self, tokens: Array, targets: Array) -> None:
        self._batch = TokenBatch(tokens, targets)

    def train_batch(self, index: int) -> TokenBatch:
        return self._batch

    def validation_batches(self) -> Iterator[TokenBatch]:
        return iter(())


def random_batch(shape: Shape, seed: int = 0) -> tuple[Array, Array]:
    """Return random tokens and targets, each (B, T)."""
    rng = random_stream(seed, "benchmark batch")
    size = (2, shape.n_batch, shape.n_time)
    tokens, targets = rng.integers(0, shape.config.vocab_size, size)
    return tokens, targets


def one_batch_stepper(
    model: GPT, tokens: Array, targets: Array, precision: str = "float32"
) -> Stepper:
    """Return a stepper that trains on one batch: call ``stepper.update(0)`` repeatedly."""
    config = replace(SETTINGS, precision=precision)
    return Stepper(NextToken(model), _OneBatch(tokens, targets), config)
