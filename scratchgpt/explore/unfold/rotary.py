"""Rotary positions: the rotation of each pair of channels, and back."""

from scratchgpt.explore.cards import Card, Pair, one_row
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.ops.rotary import rotary_backward, rotary_forward


def unfold_rotary(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add x, the cosine and sine of each angle, and y; dy and dx."""
    inputs, (y, saved) = pair.forward.inputs, pair.forward.result
    x, cos, sin = inputs["x"], inputs["cos"], inputs["sin"]
    each = f"{card.facts['heads']} T D"
    at_x = card.add("forward", "input", "x", each, one_row(x))
    at_cos = card.add("forward", "inner", "cos", "T R", cos)
    at_sin = card.add("forward", "inner", "sin", "T R", sin)
    turn = {"b": at_cos, "c": at_sin, "pairing": saved.pairing}
    how = {"k": "rotary", "a": at_x, **turn}
    card.add("forward", "output", "y", each, one_row(y), how)
    card.check("y", rotary_forward(x, cos, sin, saved.pairing)[0], y)
    if pair.node is not None:
        card.add_saved(pair.node, {"cos": "T R", "sin": "T R"})
    if pair.backward is None:
        return
    dy, dx = pair.backward.inputs["dy"], pair.backward.result
    at_dy = card.add("backward", "input", "dy", each, one_row(dy))
    how = {"k": "rotary", "a": at_dy, **turn, "back": True}
    card.add("backward", "output", "dx", each, one_row(dx), how)
    card.check("dx", rotary_backward(dy, saved), dx)
