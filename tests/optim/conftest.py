import numpy as np
import pytest

from scratchgpt.layers import Parameter, ParameterStore
from scratchgpt.layers.parameters import normal


@pytest.fixture
def make_store():
    """Create stores of two matrices and two vectors with random values and gradients."""

    def make(dtype=np.float64, seed=0, rows=7):
        shapes = {"a.bias": (3,), "a.weight": (rows, 3), "b.weight": (5, 2), "b.bias": (9,)}
        named = {name: Parameter(shape, normal(1.0)) for name, shape in shapes.items()}
        store = ParameterStore(named, dtype)
        rng = np.random.default_rng(seed)
        for parameter in named.values():
            parameter.value[...] = rng.standard_normal(parameter.shape)
            parameter.grad[...] = rng.standard_normal(parameter.shape)
        return store

    return make
