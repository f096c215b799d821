"""GPTs in all their forms, small, with no two sizes equal and parameters of ordinary size."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.models import GPT, GPTConfig

SIZES: dict[str, Any] = {
    "n_layer": 2,
    "n_head": 3,
    "n_embd": 12,
    "block_size": 7,
    "vocab_size": 13,
    "n_inner": 10,
}


@dataclass(frozen=True)
class ModelCase:
    """A form of GPT, and further arguments of its forward."""

    note: str
    changes: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, int] = (2, 5)

    def build(self, dtype: Any = np.float64) -> GPT:
        """A model with parameters of the order of 1, of layer norms away from 1."""
        model = GPT(GPTConfig(**{**SIZES, **self.changes}), dtype=dtype)
        for name, parameter in model.store.named.items():
            value = random_stream(4, name).standard_normal(parameter.shape)
            if "ln_" in name and name.endswith("weight"):
                value = 0.3 + 0.5 * np.abs(value)
            parameter.value[...] = value
        return model

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens, some of them repeated, and targets, some of them ignored."""
        rng = random_stream(5, self.note)
        tokens, targets = rng.integers(0, SIZES["vocab_size"], (2, *self.shape))
        tokens[:, -1] = tokens[:, 0]
        targets[0, 0] = -100 if targets.size > 1 else targets[0, 0]
        return tokens, targets


DROPOUT = {"dropout_seed": 11}
RECOMPUTE = {"recompute": True}
BOTH = {**DROPOUT, **RECOMPUTE}
POST: dict[str, Any] = {"norm_position": "post"}
UNTIED: dict[str, Any] = {"tied_head": False}
NO_BIAS: dict[str, Any] = {"bias": False}
CASES = (
    ModelCase("gpt2", {}),
    ModelCase("gpt2, dropout", {"dropout": 0.25}, DROPOUT),
    ModelCase("gpt2, dropout, recompute", {"dropout": 0.25}, BOTH),
    ModelCase("gpt2, untied, no bias", {**UNTIED, **NO_BIAS}),
    ModelCase("gpt2, exact gelu, recompute", {"activation": "gelu"}, RECOMPUTE),
    ModelCase("gpt1", POST),
    ModelCase("gpt1, untied, dropout", {**POST, **UNTIED, "dropout": 0.2}, DROPOUT),
    ModelCase("gpt1, no bias, dropout, recompute", {**POST, **NO_BIAS, "dropout": 0.3}, BOTH),
    ModelCase("relu, untied", {"activation": "relu", **UNTIED}),
    ModelCase("one token", {"dropout": 0.25}, DROPOUT, shape=(1, 1)),
    ModelCase("one row, full block", {"layer_norm_epsilon": 0.1}, shape=(1, 7)),
    ModelCase("one layer, one head", {"n_layer": 1, "n_head": 1}, shape=(3, 4)),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "model_case" in metafunc.fixturenames:
        cases = [pytest.param(case, id=case.note) for case in CASES]
        metafunc.parametrize("model_case", cases)


@pytest.fixture
def small_gpt() -> Any:
    """``small_gpt(**changes)``: a model with parameters of ordinary size."""
    return lambda dtype=np.float64, **changes: ModelCase("", changes).build(dtype)
