"""Every operation has a card, every array a source, and a mistake in a backward stops the page."""

import functools
import inspect

import numpy as np
import pytest

from scratchgpt import kernels, layers, ops
from scratchgpt.errors import UserError
from scratchgpt.explore.assemble import assemble
from scratchgpt.explore.glue import find
from scratchgpt.explore.record import record, short_path
from scratchgpt.explore.values import Values
from scratchgpt.layers.mlp import ACTIVATIONS
from scratchgpt.memory import walk
from scratchgpt.ops import observed

# What the step begins with, besides parameters.
GIVEN = {"mask / (1 - p)", "dloss", "positions", "cos", "sin"}


def cards_of(step):
    return assemble(record(step), Values(10**6))


def test_steps_are_numbered_up_through_the_forward_and_down_through_the_backward(each_content):
    cards = each_content.cards
    n = len(cards)
    assert [card.forward for card in cards] == list(range(1, n + 1))
    assert sorted(card.backward for card in cards) == list(range(n + 1, 2 * n + 1))
    assert cards[-1].id == "cross_entropy"
    assert cards[-1].backward == n + 1
    assert len({card.id for card in cards}) == n


def test_every_array_that_is_saved_has_a_card(each_content):
    cards = each_content.cards
    shown = {f.path for card in cards for f in card.fields if f.path}
    step = each_content.step
    with kernels.disabled():
        _, saved = step.objective.loss(step.batch, dropout_seed=step.dropout_seed)
    parameters = step.model.store.values
    for path, array in walk(saved):
        node, _, name = path.rpartition(".")
        assert short_path(node) in {card.id for card in cards} | {"decoder"}
        small = name in ("tokens", "targets", "counted", "memory")
        assert path in shown or small or np.shares_memory(array, parameters)


def test_every_array_but_what_is_given_has_a_source(each_content):
    cards = each_content.cards
    values = cards[0].values
    parameters = {f.value for card in cards for f in card.fields if f.role == "parameter"}
    for card in cards:
        for f in card.fields:
            known = f.value in parameters or f.name in GIVEN
            assert known or values[f.value].how is not None, (card.id, f.name)


def test_contributions_add_up_to_the_gradient_of_each_parameter(each_content):
    values, sums = each_content.values, each_content.sums
    for name, grad in each_content.recording.grads.items():
        parts = [values[number].array for number in sums.contributions[name]]
        assert parts, name
        np.testing.assert_allclose(sum(parts), grad, rtol=0, atol=1e-6)


def test_almost_all_arrays_are_recomputed_bit_for_bit(each_content):
    cards = each_content.cards
    assert sum(card.checked for card in cards) > 60
    assert max(card.worst for card in cards) < 1e-6
    exact = [c for c in cards if c.op in ("attention", "layer_norm", "linear", "residual")]
    assert max(card.worst for card in exact) < 1e-6


def test_groups_of_heads_a_window_and_a_soft_cap_are_recomputed(make_step):
    changes = {"n_head": 4, "n_kv_head": 2, "head_dim": 5}
    step = make_step("gpt-dropout", **changes, sliding_window=3, attention_soft_cap=1.5)
    found, _ = cards_of(step)
    cards = {card.id: card for card in found}
    card = cards["h.1.attn.attention"]
    arrays = {f"{f.side} {f.name}": (f.axes, card.values[f.value]) for f in card.fields}
    for name in ("k", "v"):
        axes, value = arrays[f"forward {name} of each head"]
        assert axes == ("H", "T", "D")
        shared = arrays[f"forward {name}"][1].array
        np.testing.assert_array_equal(value.array, shared.repeat(2, axis=0))
        axes, value = arrays[f"backward d{name}"]
        assert axes == ("K", "T", "D")
        of_each = arrays[f"backward d{name} of each head"][1].array
        np.testing.assert_allclose(value.array, of_each[::2] + of_each[1::2], atol=1e-6)
    scores, before = (arrays[f"forward {name}"][1].array for name in ("S", "S before the cap"))
    seen = np.tri(7, dtype=bool) & ~np.tri(7, k=-3, dtype=bool)
    np.testing.assert_array_equal(np.isfinite(scores), np.broadcast_to(seen, scores.shape))
    np.testing.assert_allclose(scores[:, seen], 1.5 * np.tanh(before[:, seen] / 1.5), rtol=1e-5)
    slope = 1 - np.tanh(before / 1.5) ** 2
    after, dscores = (arrays[f"backward {name}"][1].array for name in ("dS after the cap", "dS"))
    np.testing.assert_allclose(dscores, after * slope, rtol=1e-4, atol=1e-7)
    y = card.values[find(cards["h.1.attn.c_attn"], "forward", "y").value].array
    how = arrays["forward v"][1].how  # after 4 heads of queries and 2 of keys
    assert how["j"] == (4 + 2) * 5
    np.testing.assert_array_equal(y[:, how["j"] : how["j"] + 5], arrays["forward v"][1].array[0])


MISTAKES = {
    "attention": lambda r: (r[0], np.multiply(r[1], 1.001, out=r[1]), r[2]),
    "cross_entropy": lambda r: np.add(r, 1e-3, out=r),
    "dropout": lambda r: np.multiply(r, 0.9, out=r),
    "embedding": lambda r: np.multiply(r, 0.9, out=r),
    "gelu": lambda r: np.multiply(r, 1.001, out=r),
    "layer_norm": lambda r: (r[0], r[1], np.multiply(r[2], 0.9, out=r[2])),
    "linear": lambda r: (np.multiply(r[0], 1.001, out=r[0]), *r[1:]),
}


PLACES = {"cross_entropy": "scratchgpt.models.model"}


@pytest.mark.parametrize("op", MISTAKES)
def test_a_mistake_in_a_backward_stops_the_page(op, make_step, monkeypatch):
    name = f"{op}_backward"
    right = inspect.unwrap(getattr(ops, name))
    mistake = MISTAKES[op]

    @functools.wraps(right)
    def wrong(*args, **kwargs):
        return mistake(right(*args, **kwargs))

    del wrong.__wrapped__
    wrong.__signature__ = inspect.signature(right)
    if op == "gelu":
        monkeypatch.setitem(ACTIVATIONS, "gelu_tanh", (ops.gelu_forward, observed(wrong)))
    else:
        monkeypatch.setattr(f"{PLACES.get(op, f'scratchgpt.layers.{op}')}.{name}", observed(wrong))
    with pytest.raises(UserError, match=f"of the {op} is not what the step computed.*no page"):
        cards_of(make_step("gpt-dropout"))


def test_a_gradient_that_is_dropped_between_operations_stops_the_page(step, monkeypatch):
    backward = layers.LayerNorm.backward

    def forgets(self, dy, saved, *, residual_gradient=None, dx_out=None):
        return backward(self, dy, saved, dx_out=dx_out)

    monkeypatch.setattr(layers.LayerNorm, "backward", forgets)
    with pytest.raises(UserError, match="the gradient past the branch is missing"):
        cards_of(step)


def test_a_gradient_that_is_changed_between_operations_stops_the_page(step, monkeypatch):
    backward = layers.Block.backward
    monkeypatch.setattr(layers.Block, "backward", lambda self, dy, s: backward(self, 0.5 * dy, s))
    with pytest.raises(UserError, match="is not what any operation returned"):
        cards_of(step)
