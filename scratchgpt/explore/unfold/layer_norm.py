"""Layer norm: the normalized rows, the two means, and the three terms of the gradient."""

from typing import Any

import numpy as np

from scratchgpt.explore.cards import Card, Pair, rows
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.values import product, total


def unfold_layer_norm(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add mean, rstd, x_hat and y; dx_hat, its two means, the gradient through the norm and dx."""
    inputs = pair.forward.inputs
    x, y = rows(inputs["x"]), rows(pair.forward.result[0])
    weight, bias = inputs["weight"], inputs.get("bias")
    saved = pair.forward.result[1]
    mean, rstd = saved.mean.reshape(-1), saved.rstd.reshape(-1)
    eps = inputs["eps"]
    t, n = card.time, x.shape[-1]

    at_x = card.add("forward", "input", "x", f"{t} C", x)
    at_w = card.add("forward", "parameter", "weight", "C", weight)
    how = product("t", (at_x, "tc"), over="c", f=1 / n)
    at_mean = card.add("forward", "inner", "mean", t, mean, how)
    how = {"k": "rstd", "a": at_x, "b": at_mean, "eps": eps}
    at_rstd = card.add("forward", "inner", "rstd", t, rstd, how)
    x_hat = x - mean[:, None]
    variance = np.einsum("tc,tc->t", x_hat, x_hat) / n
    card.check("mean", x.mean(axis=-1), mean)
    card.check("rstd", 1 / np.sqrt(variance + np.asarray(eps, x.dtype)), rstd)
    x_hat = x_hat * rstd[:, None]
    how = {"k": "x_hat", "a": at_x, "b": at_mean, "c": at_rstd}
    at_hat = card.add("forward", "inner", "x_hat", f"{t} C", x_hat, how)
    plus: dict[str, Any] = {}
    if bias is not None:
        plus = {"plus": [(card.add("forward", "parameter", "bias", "C", bias), "c")]}
    how = product("tc", (at_hat, "tc"), (at_w, "c"), **plus)
    card.add("forward", "output", "y", f"{t} C", y, how)
    scaled = x_hat * weight
    card.check("y", scaled if bias is None else scaled + bias, y)
    if pair.node is not None:
        card.add_saved(pair.node, {"x": f"{t} C", "mean": t, "rstd": t})
    if pair.backward is None:
        return

    dy = rows(pair.backward.inputs["dy"])
    past = pair.backward.inputs.get("residual_gradient")
    dx, dweight, dbias = pair.backward.result
    dx = rows(dx)
    at_dy = card.add("backward", "input", "dy", f"{t} C", dy)
    dx_hat = dy * weight
    how = product("tc", (at_dy, "tc"), (at_w, "c"))
    at_dhat = card.add("backward", "inner", "dx_hat", f"{t} C", dx_hat, how)
    average = dx_hat.mean(axis=-1)
    projection = np.einsum("tc,tc->t", dx_hat, x_hat) / n
    how = product("t", (at_dhat, "tc"), over="c", f=1 / n)
    at_mean = card.add("backward", "inner", "mean of dx_hat", t, average, how)
    how = product("t", (at_dhat, "tc"), (at_hat, "tc"), over="c", f=1 / n)
    at_projection = card.add("backward", "inner", "projection", t, projection, how)
    through = dx_hat - average[:, None]
    through = (through - x_hat * projection[:, None]) * rstd[:, None]
    how = {
        "k": "norm_back",
        "a": at_dhat,
        "b": at_mean,
        "c": at_hat,
        "d": at_projection,
        "e": at_rstd,
    }
    name = "dx" if past is None else "through the norm"
    at_through = card.add("backward", "output", name, f"{t} C", through, how)
    if past is None:
        card.check("dx", through, dx)
    else:
        past = rows(past)
        at_past = card.add("backward", "input", "past the branch", f"{t} C", past)
        how = total("tc", at_through, at_past)
        card.add("backward", "output", "dx", f"{t} C", dx, how)
        card.check("dx", through + past, dx)
    if dweight is not None:
        own = (dy * x_hat).sum(axis=0)
        card.check("dweight", sums.after(weight, own), dweight)
        how = product("c", (at_dy, "tc"), (at_hat, "tc"), over="t")
        sums.add(weight, card.add("backward", "output", "dweight", "C", own, how))
    if dbias is not None and bias is not None:
        own = dy.sum(axis=0)
        card.check("dbias", sums.after(bias, own), dbias)
        how = product("c", (at_dy, "tc"), over="t")
        sums.add(bias, card.add("backward", "output", "dbias", "C", own, how))
