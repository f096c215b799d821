"""Operations on single elements: activations, dropout and the residual sum."""

import math

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.explore.cards import Card, Pair, rows
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.values import product, total
from scratchgpt.ops.dropout import dropout_mask

SQRT_2_OVER_PI = math.sqrt(2 / math.pi)


def unfold_activation(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add x and y of an activation; its slope, and dx = dy times the slope."""
    x, y = rows(pair.forward.inputs["x"]), rows(pair.forward.result[0])
    form = getattr(pair.forward.result[1], "approximate", card.op)
    axes = f"{card.time} F"
    at_x = card.add("forward", "input", "x", axes, x)
    card.add("forward", "output", "y", axes, y, {"k": form, "a": at_x})
    expected, slope = _ACTIVATIONS[form](x.astype(np.float64))
    card.check("y", expected, y)
    if pair.node is not None:
        card.add_saved(pair.node, {"x": axes})
    if pair.backward is None:
        return
    dy, dx = rows(pair.backward.inputs["dy"]), rows(pair.backward.result)
    at_dy = card.add("backward", "input", "dy", axes, dy)
    at_slope = card.add("backward", "inner", "slope", axes, slope, {"k": f"{form}'", "a": at_x})
    how = {"k": "slope", "a": at_x, "b": at_dy, "c": at_slope, "form": f"{form}'"}
    card.add("backward", "output", "dx", axes, dx, how)
    card.check("dx", dy * slope, dx)
    card.facts["form"] = form


def unfold_gated_product(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add the gate beside the other factor, the activated gate, and y; dy and dx."""
    x, y = rows(pair.forward.inputs["x"]), rows(pair.forward.result[0])
    name = pair.forward.result[1].activation
    form = _FORMS.get(name, name)
    half = x.shape[-1] // 2
    gate, up = x[:, :half].astype(np.float64), x[:, half:]
    one, both = f"{card.time} F", f"{card.time} 2F"
    at_x = card.add("forward", "input", "x", both, x)
    activated, slope = _ACTIVATIONS[form](gate)
    how = {"k": "gate", "a": at_x, "form": form}
    card.add("forward", "inner", "act(gate)", one, activated, how)
    how = {"k": "gated", "a": at_x, "form": form}
    card.add("forward", "output", "y", one, y, how)
    card.check("y", activated * up, y)
    if pair.node is not None:
        card.add_saved(pair.node, {"x": both})
    card.facts["form"] = form
    if pair.backward is None:
        return
    dy, dx = rows(pair.backward.inputs["dy"]), rows(pair.backward.result)
    at_dy = card.add("backward", "input", "dy", one, dy)
    how = {"k": "gate", "a": at_x, "form": f"{form}'"}
    card.add("backward", "inner", "slope", one, slope, how)
    how = {"k": "gated_back", "a": at_x, "b": at_dy, "form": form}
    card.add("backward", "output", "dx", both, dx, how)
    card.check("dx", np.concatenate([dy * up * slope, dy * activated], axis=-1), dx)


def unfold_soft_cap(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add x and y = c tanh(x / c); dy and dx."""
    x, y = rows(pair.forward.inputs["x"]), rows(pair.forward.result[0])
    cap, axes = pair.forward.result[1].cap, f"{card.time} V"
    at_x = card.add("forward", "input", "x", axes, x)
    at_y = card.add("forward", "output", "y", axes, y, {"k": "soft_cap", "a": at_x, "cap": cap})
    card.check("y", cap * np.tanh(x / cap), y)
    if pair.node is not None:
        card.add_saved(pair.node, {"y": axes})
    if pair.backward is None:
        return
    dy, dx = rows(pair.backward.inputs["dy"]), rows(pair.backward.result)
    at_dy = card.add("backward", "input", "dy", axes, dy)
    how = {"k": "soft_cap_back", "a": at_y, "b": at_dy, "cap": cap}
    card.add("backward", "output", "dx", axes, dx, how)
    card.check("dx", dy * (1 - (y / cap) ** 2), dx)


def unfold_dropout(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add x, the mask with its factor, and y; dy and dx."""
    x, y = rows(pair.forward.inputs["x"]), rows(pair.forward.result[0])
    saved = pair.forward.result[1]
    axes = f"{card.time} C"
    factors = dropout_factors(x, saved.p, saved.seed)
    at_x = card.add("forward", "input", "x", axes, x)
    at_mask = card.add("forward", "inner", "mask / (1 - p)", axes, factors)
    how = product("tc", (at_x, "tc"), (at_mask, "tc"))
    card.add("forward", "output", "y", axes, y, how)
    card.check("y", x * factors, y)
    if pair.backward is None:
        return
    dy, dx = rows(pair.backward.inputs["dy"]), rows(pair.backward.result)
    at_dy = card.add("backward", "input", "dy", axes, dy)
    how = product("tc", (at_dy, "tc"), (at_mask, "tc"))
    card.add("backward", "output", "dx", axes, dx, how)
    card.check("dx", dy * factors, dx)


def unfold_residual(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add x, the output of the branch and their sum; its backward computes nothing."""
    x, branch = rows(pair.forward.inputs["x"]), rows(pair.forward.inputs["branch"])
    y = rows(pair.forward.result[0])
    axes = f"{card.time} C"
    at_x = card.add("forward", "input", "x", axes, x)
    at_branch = card.add("forward", "input", "branch", axes, branch)
    card.add("forward", "output", "y", axes, y, total("tc", at_x, at_branch))
    card.check("y", x + branch, y)


def dropout_factors(x: Array, p: float, seed: int) -> Array:
    """Return what dropout multiplies each element with: 0, or 1 / (1 - p)."""
    mask = dropout_mask(x.shape, p, seed, like=x)
    return np.where(mask, np.asarray(1 / (1 - p) if p < 1 else 0, x.dtype), np.asarray(0, x.dtype))


def _tanh(x: Array) -> tuple[Array, Array]:
    """GELU with the tanh approximation, and its slope."""
    with np.errstate(all="ignore"):
        tanh = np.tanh(SQRT_2_OVER_PI * (x + 0.044715 * x**3))
        slope = SQRT_2_OVER_PI * (1 + 3 * 0.044715 * x**2)
        return x / 2 * (1 + tanh), (1 + tanh + x * (1 - tanh**2) * slope) / 2


def _exact(x: Array) -> tuple[Array, Array]:
    """GELU, and its slope."""
    from scipy.special import erf

    phi = (1 + erf(x / math.sqrt(2))) / 2
    return x * phi, phi + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def _relu(x: Array) -> tuple[Array, Array]:
    """ReLU, and its slope."""
    return np.where(~(x <= 0), x, 0), np.where(~(x <= 0), 1.0, 0.0)


def _relu_squared(x: Array) -> tuple[Array, Array]:
    """Squared ReLU, and its slope."""
    positive = np.where(~(x <= 0), x, 0)
    return positive**2, 2 * positive


def _silu(x: Array) -> tuple[Array, Array]:
    """SiLU, and its slope."""
    sigmoid = (1 + np.tanh(x / 2)) / 2
    return x * sigmoid, sigmoid * (1 + x * (1 - sigmoid))


_ACTIVATIONS = {
    "tanh": _tanh,
    "none": _exact,
    "relu": _relu,
    "relu_squared": _relu_squared,
    "silu": _silu,
}
_FORMS = {"gelu_tanh": "tanh", "gelu": "none"}  # names of a gate's activation, as in gelu_forward
