"""Stacks of blocks of both kinds: gradients, memory, names."""

import numpy as np
import pytest

from scratchgpt.layers import (
    MLP,
    Block,
    BlockStack,
    DecoderBlock,
    LayerNorm,
    RecomputeSaved,
    SelfAttention,
)
from scratchgpt.memory import nbytes
from scratchgpt.verify import check_layer

SIZES = {"n_embd": 6, "n_head": 3, "n_inner": 10, "dropout": 0.3, "bias": True}
SETTINGS = {"activation": "relu", "layer_norm_epsilon": 1e-5, "proj_std": 0.4, "std": 0.4}
RNG = np.random.default_rng(0)
X, MEMORY = RNG.standard_normal((2, 4, 6)), RNG.standard_normal((2, 5, 6))


def stack(kind, norm_position="pre", n_layer=3):
    def block():
        if kind is DecoderBlock:
            return kind(**SIZES, **SETTINGS, norm_position=norm_position)
        norms = LayerNorm(6), LayerNorm(6)
        attn = SelfAttention(6, 3, dropout=0.3, bias=True, proj_std=0.4, std=0.4)
        mlp = MLP(6, 10, activation="relu", bias=True, proj_std=0.4, std=0.4)
        return Block(norms[0], attn, norms[1], mlp, dropout=0.3, norm_position=norm_position)

    blocks = [block() for _ in range(n_layer)]
    last = LayerNorm(6) if norm_position == "pre" else None
    return BlockStack(blocks, last).initialize(seed=1, dtype=np.float64)


class WithMemoryGradient:
    """A stack of decoder blocks whose backward also returns the gradient of the memory."""

    def __init__(self, stack):
        self.stack = stack
        self.forward, self.named_parameters = stack.forward, stack.named_parameters

    def backward(self, dy, saved):
        dmemory = np.zeros_like(MEMORY, dtype=dy.dtype)
        return self.stack.backward(dy, saved, dmemory_into=dmemory), dmemory


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("norm_position", ["pre", "post"])
def test_backward_is_the_derivative(norm_position, recompute):
    settings = {"dropout_seed": 3, "recompute": recompute}
    check_layer(stack(Block, norm_position), X, settings=settings).raise_if_failed()
    both = WithMemoryGradient(stack(DecoderBlock, norm_position, n_layer=2))
    report = check_layer(both, X, MEMORY, settings=settings)
    report.raise_if_failed()
    assert len(report.inputs) == 2 + len(dict(both.named_parameters()))


def test_the_gradient_of_the_memory_is_added_to_what_is_there(assert_close):
    layer = stack(DecoderBlock)
    y, saved = layer.forward(X, MEMORY)
    once, more = np.zeros_like(MEMORY), np.ones_like(MEMORY)
    layer.backward(y, saved, dmemory_into=once)
    layer.backward(y, saved, dmemory_into=more)
    assert once.any()
    assert_close(more, once + 1, 1e-14)


def test_recomputation_saves_only_the_inputs_of_the_blocks():
    layer = stack(Block)
    y, saved = layer.forward(X, recompute=True)
    assert all(isinstance(block, RecomputeSaved) for block in saved.h)
    assert nbytes(saved.h) == 3 * X.nbytes
    dx = layer.backward(y, saved)
    y_whole, whole = layer.forward(X)
    np.testing.assert_array_equal(y_whole, y)
    np.testing.assert_array_equal(layer.backward(y, whole), dx)


def test_each_parameter_and_each_layer_has_one_name():
    layer = stack(Block)
    names = [name for name, _ in layer.named_parameters()]
    assert len(names) == len(set(names)) == 3 * 12 + 2
    assert names[0] == "h.0.ln_1.weight"
    assert names[-1] == "ln_f.bias"
    paths = dict(layer.named_layers())
    assert paths[""] is layer
    assert paths["h.1.attn.c_attn"] is layer.h[1].attn.c_attn
    assert paths["h.1.sublayer_2"].branch is paths["h.1.mlp"]
    assert len({id(one) for one in paths.values()}) == len(paths)
    assert not any("branch" in path or "sublayer_1." in path for path in paths)
