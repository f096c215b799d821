"""All layers in all their forms, with parameters of ordinary size and inputs for testing."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.layers import (
    MLP,
    UNMASKED,
    Block,
    CrossAttention,
    DecoderBlock,
    Dropout,
    Embedding,
    GatedMLP,
    Head,
    InputEmbedding,
    Layer,
    LayerNorm,
    Linear,
    LoRALinear,
    LowRank,
    Masks,
    Parameter,
    QueryKey,
    RMSNorm,
    Rotary,
    SelfAttention,
)
from scratchgpt.layers.parameters import normal
from scratchgpt.models import GPTConfig
from scratchgpt.models.backbone import gpt_block


@dataclass(frozen=True)
class LayerCase:
    """A layer, its inputs, and further arguments of its forward.

    ``build()`` returns the layer and its inputs: x, and a memory if ``memory`` is set.
    """

    note: str
    make: Any
    shape: tuple[int, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    high: int | None = None  # sample token ids below this instead of floating-point inputs
    memory: tuple[int, ...] | None = None

    def build(self, dtype: Any = np.float64) -> tuple[Any, ...]:
        rng = random_stream(1, self.note)
        layer = randomize(self.make(), dtype)
        if self.high is not None:
            return layer, rng.integers(0, self.high, self.shape)
        shapes = [self.shape] if self.memory is None else [self.shape, self.memory]
        return layer, *(rng.standard_normal(shape).astype(dtype) for shape in shapes)


def randomize(layer: Layer, dtype: Any) -> Layer:
    """Set parameters to values of magnitude 1, layer norms away from 1, biases away from 0."""
    layer.initialize(dtype=dtype)
    for name, parameter in layer.store.named.items():
        rng = random_stream(2, name)
        value = rng.standard_normal(parameter.shape)
        if name.split(".")[-2:-1] and "ln_" in name.split(".")[-2] and name.endswith("weight"):
            value = 0.3 + 0.5 * np.abs(value)
        parameter.value[...] = value
    return layer


def block(kind: type[Layer] = Block, **changes: Any) -> Any:
    if kind is Block:
        config = GPTConfig(n_layer=1, n_head=3, n_embd=6, n_inner=10, dropout=0.3)
        return lambda: gpt_block(config.replace(**changes), 0)
    settings: dict[str, Any] = {
        "dropout": 0.3,
        "bias": True,
        "norm_position": "pre",
        "activation": "gelu_tanh",
        "layer_norm_epsilon": 1e-5,
        "proj_std": 0.02,
    }
    return lambda: kind(6, 3, 10, **{**settings, **changes})


def attention(kind: type[Layer] = SelfAttention, **changes: Any) -> Any:
    settings = {"dropout": 0.3, "bias": True, "proj_std": 0.02}
    return lambda: kind(6, 3, **{**settings, **changes})


def grouped_attention(**changes: Any) -> Any:
    """4 query heads, 2 key-value heads, and head size 3, which is not 10 / 4."""
    settings = {"dropout": 0.3, "bias": True, "proj_std": 0.02, "n_kv_head": 2, "head_size": 3}
    return lambda: SelfAttention(10, 4, **{**settings, **changes})


def input_embedding(**changes: Any) -> Any:
    settings = {"dropout": 0.3, "scale": True, "positions": "sinusoidal"}
    return lambda: InputEmbedding(Embedding(7, 6), 5, **{**settings, **changes})


def mlp(activation: str, bias: bool = True) -> Any:
    return lambda: MLP(5, 7, activation=activation, bias=bias, proj_std=0.02)


def lora(columns: list[tuple[int, int]], bias: bool = True) -> LoRALinear:
    return LoRALinear(Linear(5, 7, bias=bias), columns, 3, scale=0.7, dropout=0.3)


def gated_mlp(activation: str, bias: bool = True) -> Any:
    return lambda: GatedMLP(5, 7, activation=activation, bias=bias, proj_std=0.02)


SEED = {"dropout_seed": 5}
X, MEMORY = (2, 4, 6), (2, 5, 6)
_rng = np.random.default_rng(6)
PADDING = np.array([[False] * 5, [False, False, True, False, True]])
ADDED = np.where(_rng.random((2, 3, 4, 4)) < 0.2, -np.inf, _rng.standard_normal((2, 3, 4, 4)))
ALLOWED = np.array([[True] * 4, [False, True, True, False], [False] * 4, [True, False] * 2])
SELF = {"masks": Masks(ADDED, PADDING[:, 1:], causal=True)}
CROSS = {"masks": Masks(_rng.standard_normal((4, 5)), PADDING)}
ROTATED = {"rotation": Rotary(10, theta=7.0).at(np.arange(4), like=np.empty(0))}
_places = np.array([[3, 4, 5, 6], [0, 1, 2, 9]])
NEIGHBORS = {"rotation": Rotary(14, theta=7.0, pairing="neighbors").at(_places, like=np.empty(0))}
DECODER = {"masks": Masks(ALLOWED, causal=True), "memory_masks": Masks(key_padding_mask=PADDING)}
CASES = (
    LayerCase("linear", lambda: Linear(5, 7), (2, 3, 5)),
    LayerCase("linear, no bias", lambda: Linear(5, 7, bias=False), (4, 5)),
    LayerCase("low rank", lambda: LowRank(5, 7, 3, scale=0.7), (2, 4, 5)),
    LayerCase("low rank, dropout", lambda: LowRank(5, 7, 3, scale=0.7, dropout=0.3), (4, 5), SEED),
    LayerCase("LoRA", lambda: lora([(0, 7)]), (2, 4, 5)),
    LayerCase("LoRA, dropout", lambda: lora([(0, 7)]), (2, 4, 5), SEED),
    LayerCase("LoRA, parts, dropout", lambda: lora([(1, 3), (3, 7)]), (4, 5), SEED),
    LayerCase("LoRA, no bias", lambda: lora([(2, 6)], bias=False), (2, 4, 5)),
    LayerCase("layer norm", lambda: LayerNorm(6), (2, 3, 6)),
    LayerCase("layer norm, no bias", lambda: LayerNorm(6, bias=False, eps=0.1), (4, 6)),
    LayerCase("rms norm", lambda: RMSNorm(6), (2, 3, 6)),
    LayerCase("rms norm, no weight", lambda: RMSNorm(6, weight=False, eps=0.1), (4, 6)),
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
    LayerCase("attention, nothing masked, dropout", attention(), X, {"masks": UNMASKED, **SEED}),
    LayerCase("attention, padding", attention(), X, {"masks": Masks(None, PADDING[:, :4])}),
    LayerCase("attention, some allowed", attention(), X, {"masks": Masks(ALLOWED)}),
    LayerCase("attention, all masks, dropout", attention(), X, {**SELF, **SEED}),
    LayerCase("attention, one key-value head", attention(n_kv_head=1), X),
    LayerCase("attention, large heads", attention(head_size=5), X, SEED),
    LayerCase("attention, window of 2, dropout", attention(window=2), X, SEED),
    LayerCase("attention, soft cap, dropout", attention(soft_cap=1.5), X, SEED),
    LayerCase("attention, groups", grouped_attention(), (2, 5, 10)),
    LayerCase(
        "attention, groups, window, soft cap, dropout",
        grouped_attention(window=3, soft_cap=2.0, proj_bias=False, scale=0.4),
        (2, 5, 10),
        {"masks": Masks(None, PADDING, causal=True), **SEED},
    ),
    LayerCase("attention, rotated", attention(head_size=10), X, ROTATED),
    LayerCase(
        "attention, rotated, neighbors, dropout",
        attention(head_size=14),
        X,
        {**NEIGHBORS, **SEED},
    ),
    LayerCase("attention, norms", attention(head_size=10, query_key=QueryKey(10)), X),
    LayerCase(
        "attention, norms, then rotated, no bias",
        attention(head_size=10, bias=False, query_key=QueryKey(10, eps=0.1)),
        X,
        {**ROTATED, **SEED},
    ),
    LayerCase(
        "attention, rotated, then norms without weight",
        attention(head_size=10, query_key=QueryKey(10, weight=False, rotate_first=True)),
        X,
        ROTATED,
    ),
    LayerCase("cross", attention(CrossAttention), X, memory=MEMORY),
    LayerCase(
        "cross, masks, dropout", attention(CrossAttention), X, {**CROSS, **SEED}, None, MEMORY
    ),
    LayerCase("cross, no bias", attention(CrossAttention, bias=False), X, memory=(2, 1, 6)),
    LayerCase("cross, one query", attention(CrossAttention), (2, 1, 6), memory=MEMORY),
    LayerCase("sinusoids, dropout", input_embedding(), (3, 4), {"dropout_seed": 3}, 7),
    LayerCase("learned positions", input_embedding(positions="learned"), (3, 5), {}, 7),
    LayerCase("sinusoids, not scaled", input_embedding(scale=False), (3, 4), {}, 7),
    LayerCase("mlp, tanh gelu", mlp("gelu_tanh"), (2, 3, 5)),
    LayerCase("mlp, exact gelu, no bias", mlp("gelu", bias=False), (2, 3, 5)),
    LayerCase("mlp, relu", mlp("relu"), (2, 3, 5)),
    LayerCase("mlp, silu", mlp("silu"), (2, 3, 5)),
    LayerCase("mlp, relu squared", mlp("relu_squared"), (2, 3, 5)),
    LayerCase("gated mlp, silu, no bias", gated_mlp("silu", bias=False), (2, 3, 5)),
    LayerCase("gated mlp, silu", gated_mlp("silu"), (4, 5)),
    LayerCase("gated mlp, tanh gelu", gated_mlp("gelu_tanh"), (2, 3, 5)),
    LayerCase("gated mlp, exact gelu, no bias", gated_mlp("gelu", bias=False), (2, 3, 5)),
    LayerCase("gated mlp, relu", gated_mlp("relu"), (2, 3, 5)),
    LayerCase("pre-LN block", block(), X),
    LayerCase("pre-LN block, dropout", block(), X, SEED),
    LayerCase("pre-LN block, no bias, dropout", block(bias=False, activation="gelu"), X, SEED),
    LayerCase("post-LN block", block(norm_position="post"), X),
    LayerCase("post-LN block, dropout", block(norm_position="post"), X, SEED),
    LayerCase("post-LN block, no bias", block(norm_position="post", bias=False), (1, 5, 6)),
    LayerCase("pre-LN block, masks, dropout", block(), X, {**SELF, **SEED}),
    LayerCase("pre-LN decoder block", block(DecoderBlock), X, memory=MEMORY),
    LayerCase(
        "pre-LN decoder block, dropout", block(DecoderBlock), X, {**DECODER, **SEED}, None, MEMORY
    ),
    LayerCase(
        "post-LN decoder block", block(DecoderBlock, norm_position="post"), X, DECODER, None, MEMORY
    ),
    LayerCase(
        "post-LN decoder block, no bias, dropout",
        block(DecoderBlock, norm_position="post", bias=False, activation="relu"),
        X,
        SEED,
        None,
        MEMORY,
    ),
    LayerCase(
        "pre-LN decoder block, one position", block(DecoderBlock), (1, 1, 6), SEED, None, (1, 3, 6)
    ),
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
