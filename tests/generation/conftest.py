import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.models import GPT, GPTConfig


@pytest.fixture
def make_model():
    """GPTs whose weights are large enough that every position matters for the next token."""

    def make(dtype=np.float64, **changes):
        settings = {
            "n_layer": 2,
            "n_head": 2,
            "n_embd": 12,
            "block_size": 10,
            "vocab_size": 23,
            "tied_head": False,
        }
        model = GPT(GPTConfig(**{**settings, **changes}), dtype=np.float64)
        for name, parameter in model.store.named.items():
            noise = random_stream(5, "test weights", name).standard_normal(parameter.shape)
            # Small biases: large ones would make one token win everywhere.
            parameter.value[...] += (0.8 if parameter.decays else 0.1) * noise
        return model.astype(dtype)

    return make
