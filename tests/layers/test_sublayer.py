"""Sublayers in both norm positions, alone and in sequence, and the order of what they save."""

import numpy as np
import pytest

from scratchgpt.layers import (
    MLP,
    CrossAttention,
    DecoderBlock,
    Dropout,
    Layer,
    LayerNorm,
    PostNormSaved,
    PreNormSaved,
    RMSNorm,
    SelfAttention,
    Stream,
    Sublayer,
)
from scratchgpt.memory import Arena, walk
from scratchgpt.models import GPTConfig
from scratchgpt.models.backbone import gpt_block
from scratchgpt.verify import check_layer

SETTINGS = {"dropout": 0.3, "bias": True, "proj_std": 0.4, "std": 0.4}
BRANCHES = {
    "attention": lambda: SelfAttention(6, 3, **SETTINGS),
    "cross": lambda: CrossAttention(6, 3, **SETTINGS),
    "mlp": lambda: MLP(6, 10, activation="gelu", bias=True, proj_std=0.4, std=0.4),
}

each_branch = pytest.mark.parametrize("name", BRANCHES)
NORMS = {
    "layer norm": lambda: LayerNorm(6),
    "rms norm": lambda: RMSNorm(6),
    "rms norm without weight": lambda: RMSNorm(6, weight=False),
}

each_norm = pytest.mark.parametrize("norm", NORMS)
each_position = pytest.mark.parametrize("position", ["pre", "post"])


class Whole(Layer):
    """A sublayer as a function of an array instead of a stream."""

    def __init__(self, name, position, norm="layer norm"):
        branch = BRANCHES[name]()
        self.sublayer = Sublayer(NORMS[norm](), branch, Dropout(0.3), position)
        self.seeds = {"attention": (5,), "cross": (5,), "mlp": ()}[name]
        self.initialize(seed=1, dtype=np.float64)

    def forward(self, x, *memory):
        stream, saved = self.sublayer.forward(Stream(x), 7, *memory, *self.seeds)
        return stream.sum(), saved

    def backward(self, dy, saved):
        gradients = self.sublayer.backward(dy, saved)
        return gradients if len(gradients) > 1 else gradients[0]


def inputs(name):
    rng = np.random.default_rng(2)
    shapes = [(2, 4, 6), (2, 5, 6)] if name == "cross" else [(2, 4, 6)]
    return [rng.standard_normal(shape) for shape in shapes]


@each_branch
@each_position
@each_norm
@pytest.mark.parametrize("method", ["complex", "adjoint"])
def test_backward_is_the_derivative(name, position, norm, method):
    whole = Whole(name, position, norm)
    report = check_layer(whole, *inputs(name), method=method)
    report.raise_if_failed()
    assert len(report.inputs) == len(inputs(name)) + len(whole.store.named)


@each_branch
@each_norm
def test_both_norm_positions_follow_their_formula(name, norm, assert_close):
    x, *memory = inputs(name)
    for position in ("pre", "post"):
        whole = Whole(name, position, norm)
        layer, branch, drop = (getattr(whole.sublayer, part) for part in ("norm", "branch", "drop"))
        y, _ = whole.forward(x.copy(), *memory)
        if position == "pre":
            n, _ = layer.forward(x)
            expected = x + drop.forward(branch.forward(n, *memory, *whole.seeds)[0], 7)[0]
        else:
            a = drop.forward(branch.forward(x, *memory, *whole.seeds)[0], 7)[0]
            expected, _ = layer.forward(x + a)
        assert_close(y, expected, 1e-14)


@each_norm
def test_a_sum_computed_by_the_next_sublayer_is_the_same(norm, assert_close):
    first, second = Whole("attention", "pre").sublayer, Whole("mlp", "pre", norm).sublayer
    x = inputs("mlp")[0]
    stream, _ = first.forward(Stream(x), 7, 5)
    assert stream.x is x
    together, saved = second.forward(Stream(x, stream.branch.copy()), 7)
    mid = stream.sum()
    apart, saved_apart = second.forward(Stream(mid), 7)
    np.testing.assert_array_equal(together.sum(), apart.sum())
    assert_close(saved.norm.x, mid, 0)
    assert saved_apart.norm.x is mid


def test_the_sum_of_a_stream_without_a_branch_is_its_array():
    x = np.ones((1, 2, 3))
    assert Stream(x).sum() is x


@each_branch
@each_position
def test_saved_arrays_are_in_the_order_of_computation(name, position):
    _, saved = Whole(name, position).forward(*inputs(name))
    expected = {"pre": PreNormSaved, "post": PostNormSaved}[position]
    assert type(saved) is expected
    assert (
        saved._fields
        == {
            "pre": ("norm", "branch", "drop"),
            "post": ("branch", "drop", "norm"),
        }[position]
    )


def test_the_arrays_of_a_block_are_walked_in_forward_order():
    """So the first non-finite array in the walk is the first that was computed."""
    settings = {**SETTINGS, "activation": "relu", "layer_norm_epsilon": 1e-5, "dropout": 0.0}
    for position, order in (
        ("pre", ["norm", "branch", "drop"]),
        ("post", ["branch", "drop", "norm"]),
    ):
        block = DecoderBlock(6, 3, 10, norm_position=position, **settings)
        block.initialize(dtype=np.float64)
        _, saved = block.forward(*inputs("cross"))
        parts = list(dict.fromkeys(".".join(p.split(".")[:2]) for p, _ in walk(saved)))
        assert parts == [
            f"{sublayer}.{part}"
            for sublayer in ("attn", "cross", "mlp")
            for part in order
            if part != "drop"  # it saves no array
        ]


@each_branch
@each_position
@each_norm
def test_the_input_is_unchanged_and_dx_is_written_to_dx_out(name, position, norm):
    whole = Whole(name, position, norm)
    x, *memory = inputs(name)
    y, saved = whole.forward(x, *memory)
    np.testing.assert_array_equal(x, inputs(name)[0])
    dx_out = np.full_like(x, np.nan)
    dy = np.random.default_rng(3).standard_normal(y.shape)
    dx, *_ = whole.sublayer.backward(dy, saved, dx_out=dx_out)
    assert dx is dx_out
    np.testing.assert_array_equal(dx, whole.sublayer.backward(dy, saved)[0])


@each_position
def test_memory_borrowed_for_the_norm_is_released(position):
    config = GPTConfig(n_layer=1, n_head=3, n_embd=6, n_inner=10, norm_position=position)
    block = gpt_block(config.replace(dropout=0.3), 0).initialize(dtype=np.float64)
    arena = Arena(poison=True)
    with arena:
        y, saved = block.forward(inputs("mlp")[0], 3)
        assert arena.lent == 0
        block.backward(y, saved)


@each_position
@each_norm
def test_extending_is_forward_without_dropout(position, norm, assert_close):
    """For attention, see test_gpt.py and test_decoder_cache.py, with their caches."""
    sublayer, x = Whole("mlp", position, norm).sublayer, inputs("mlp")[0]
    stream, _ = sublayer.forward(Stream(x), None)
    assert_close(sublayer.extend(x), stream.sum(), 1e-15)
