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
    """Add x and y of a GELU or a ReLU; its slope, and dx = dy times the slope."""
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


_ACTIVATIONS = {"tanh": _tanh, "none": _exact, "relu": _relu}
