"""The layers in all their forms, with parameters of ordinary size and inputs to try them on."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.layers import (
    MLP,
    Block,
    Dropout,
    Embedding,
    Head,
    Layer,
    LayerNorm,
    Linear,
    Parameter,
    SelfAttention,
)
from scratchgpt.layers.parameters import normal


@dataclass(frozen=True)
class LayerCase:
    """A layer, its inputs, and further arguments of its forward."""

    note: str
    make: Any
    shape: tuple[int, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    high: int | None = None  # token ids below it instead of floating inputs

    def build(self, dtype: Any = np.float64) -> tuple[Layer, np.ndarray]:
        rng = random_stream(1, self.note)
        layer = randomise(self.make(), dtype)
        if self.high is not None:
            return layer, rng.integers(0, self.high, self.shape)
        return layer, rng.standard_normal(self.shape).astype(dtype)


def randomise(layer: Layer, dtype: Any) -> Layer:
    """Parameters of the order of 1, those of layer norms away from 1, biases away from 0."""
    layer.initialize(dtype=dtype)
    for name, parameter in layer.store.named.items():
        rng = random_stream(2, name)
        value = rng.standard_normal(parameter.shape)
        if name.split(".")[-2:-1] and "ln_" in name.split(".")[-2] and name.endswith("weight"):
            value = 0.3 + 0.5 * np.abs(value)
        parameter.value[...] = value
    return layer


def block(**changes: Any) -> Any:
    settings: dict[str, Any] = {
        "dropout": 0.3,
        "bias": True,
        "norm_position": "pre",
        "activation": "gelu_tanh",
        "layer_norm_epsilon": 1e-5,
        "proj_std": 0.02,
    }
    return lambda: Block(6, 3, 10, **{**settings, **changes})


def attention(**changes: Any) -> Any:
    settings = {"dropout": 0.3, "bias": True, "proj_std": 0.02}
    return lambda: SelfAttention(6, 3, **{**settings, **changes})


def mlp(activation: str, bias: bool = True) -> Any:
    return lambda: MLP(5, 7, activation=activation, bias=bias, proj_std=0.02)


SEED = {"dropout_seed": 5}
X = (2, 4, 6)
CASES = (
    LayerCase("linear", lambda: Linear(5, 7), (2, 3, 5)),
    LayerCase("linear, no bias", lambda: Linear(5, 7, bias=False), (4, 5)),
    LayerCase("layer norm", lambda: LayerNorm(6), (2, 3, 6)),
    LayerCase("layer norm, no bias", lambda: LayerNorm(6, bias=False, eps=0.1), (4, 6)),
    LayerCase("embedding", lambda: Embedding(7, 5), (3, 4), high=7),
    LayerCase("head", lambda: Head(Parameter((7, 5), normal(0.02))), (2, 3, 5)),
    LayerCase("dropout", lambda: Dropout(0.3), (3, 4, 5), {"seed": 3}),
    LayerCase("dropout, off", lambda: Dropout(0.3), (3, 4, 5)),
    LayerCase("dropout, p=0", lambda: Dropout(0.0), (3, 4, 5), {"seed": 3}),
    LayerCase("dropout, p=1", lambda: Dropout(1.0), (3, 4, 5), {"seed": 3}),
    LayerCase("attention", attention(), X),
    LayerCase("attention, dropout", attention(), X, SEED),
    LayerCase("attention, no bias", attention(bias=False), X),
    LayerCase("attention, one position", attention(), (2, 1, 6), SEED),
    LayerCase("attention, one row", attention(), (1, 5, 6)),
    LayerCase("mlp, tanh gelu", mlp("gelu_tanh"), (2, 3, 5)),
    LayerCase("mlp, exact gelu, no bias", mlp("gelu", bias=False), (2, 3, 5)),
    LayerCase("mlp, relu", mlp("relu"), (2, 3, 5)),
    LayerCase("pre-LN block", block(), X),
    LayerCase("pre-LN block, dropout", block(), X, SEED),
    LayerCase("pre-LN block, no bias, dropout", block(bias=False, activation="gelu"), X, SEED),
    LayerCase("post-LN block", block(norm_position="post"), X),
    LayerCase("post-LN block, dropout", block(norm_position="post"), X, SEED),
    LayerCase("post-LN block, no bias", block(norm_position="post", bias=False), (1, 5, 6)),
    LayerCase("pre-LN block, one position", block(), (1, 1, 6), SEED),
    LayerCase("pre-LN block, large epsilon", block(layer_norm_epsilon=0.4), X),
    LayerCase("pre-LN block, relu", block(activation="relu"), X, SEED),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "layer_case" in metafunc.fixturenames:
        cases = [pytest.param(case, id=case.note) for case in CASES]
        metafunc.parametrize("layer_case", cases)


@pytest.fixture
def blocks() -> list[LayerCase]:
    return [case for case in CASES if "block" in case.note]
