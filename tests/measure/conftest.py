"""A small model that can be measured in milliseconds."""

import pytest

from scratchgpt.measure import Shape, one_batch_stepper, random_batch
from scratchgpt.models import GPT, GPTConfig


@pytest.fixture
def make_shape():
    """``make_shape(dropout=0.1)``: a tiny model and batches of 3 x 6 tokens."""

    def make(**changes):
        sizes = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 10, "vocab_size": 11}
        return Shape(GPTConfig(**{**sizes, **changes}), n_batch=3, n_time=6)

    return make


@pytest.fixture
def shape(make_shape):
    return make_shape()


@pytest.fixture
def stepper(make_shape):
    """A stepper whose training steps have operations of every kind."""
    shape = make_shape(dropout=0.1)
    return one_batch_stepper(GPT(shape.config), *random_batch(shape))
