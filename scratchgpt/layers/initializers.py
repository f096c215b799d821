"""Initial values of parameters."""

from collections.abc import Callable

import numpy as np

from scratchgpt.backend import Array

Initializer = Callable[[Array, np.random.Generator], None]


def zeros(value: Array, rng: np.random.Generator) -> None:
    """Initialize with zeros, for biases."""
    value[...] = 0


def ones(value: Array, rng: np.random.Generator) -> None:
    """Initialize with ones, for the weights of layer norms."""
    value[...] = 1


def normal(std: float) -> Initializer:
    """Return a normal initializer with mean 0 and standard deviation ``std``."""

    def initialize(value: Array, rng: np.random.Generator) -> None:
        if value.dtype == np.float32:
            rng.standard_normal(out=value, dtype=np.float32)
        else:
            value[...] = rng.standard_normal(value.shape)
        value *= std

    return initialize
