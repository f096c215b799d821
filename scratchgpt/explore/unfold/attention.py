"""Attention: scores, weights, and their gradients, which the operation keeps to itself."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.explore.cards import Card, Pair, one_row
from scratchgpt.explore.unfold.pointwise import dropout_factors
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.values import product


def unfold_attention(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add S, P and y; dP, the average of dP, dS, dq, dk and dv."""
    inputs, (y, saved) = pair.forward.inputs, pair.forward.result
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    scale = saved.scale
    t, s = card.facts["queries"], card.facts["keys"]

    def add(side: str, role: str, name: str, axes: str, array: Array, how: dict | None) -> int:
        return card.add(side, role, name, axes, one_row(array), how)

    at_q = add("forward", "input", "q", f"H {t} D", q, None)
    one = "H" if k.shape[1] == q.shape[1] else "K"
    at_k = add("forward", "input", "k", f"{one} {s} D", k, None)
    at_v = add("forward", "input", "v", f"{one} {s} D", v, None)
    group = q.shape[1] // k.shape[1]
    if group > 1:  # each query head with the key-value head of its group
        k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
        how = {"k": "repeat", "a": at_k, "n": group}
        at_k = add("forward", "inner", "k of each head", f"H {s} D", k, how)
        how = {"k": "repeat", "a": at_v, "n": group}
        at_v = add("forward", "inner", "v of each head", f"H {s} D", v, how)
    scores = np.matmul(q, k.mT) * np.asarray(scale, q.dtype)
    how = product("hts", (at_q, "htd"), (at_k, "hsd"), over="d", f=scale)
    at_capped, cap = None, inputs.get("soft_cap")
    if cap is not None:
        at_capped = add("forward", "inner", "scores", f"H {t} {s}", scores, how)
        scores = cap * np.tanh(scores / cap)
        card.check("capped scores", scores, saved.capped.y)
        how = {"k": "soft_cap", "a": at_capped, "cap": cap}
        at_y = add("forward", "inner", "capped scores", f"H {t} {s}", scores, how)
        how = product("hts", (at_y, "hts"))
    scores = _masked(scores, inputs)
    if bool(np.isneginf(scores).any()):
        how["mask"] = True
    at_scores = add("forward", "inner", "S", f"H {t} {s}", scores, how)
    weights = _softmax(scores)
    card.check("P", weights, saved.weights)
    how = {"k": "softmax", "a": at_scores}
    at_weights = add("forward", "inner", "P", f"H {t} {s}", weights, how)
    dropped, at_dropped, factors, at_factors = weights, at_weights, None, None
    if saved.dropout_p:
        factors = dropout_factors(weights, saved.dropout_p, saved.dropout_seed)
        dropped = weights * factors
        at_factors = add("forward", "inner", "mask / (1 - p)", f"H {t} {s}", factors, None)
        how = product("hts", (at_weights, "hts"), (at_factors, "hts"))
        at_dropped = add("forward", "inner", "dropped P", f"H {t} {s}", dropped, how)
    how = product("hte", (at_dropped, "hts"), (at_v, "hse"), over="s")
    add("forward", "output", "y", f"H {t} D", y, how)
    card.check("y", np.matmul(dropped, v), y)
    if pair.node is not None:
        axes = {"q": f"H {t} D", "k": f"{one} {s} D", "v": f"{one} {s} D"}
        axes["weights"] = f"H {t} {s}"
        card.add_saved(pair.node, axes)
        if saved.capped is not None:
            path = f"{pair.node.path}.capped.y"
            card.add(
                "saved", "saved", "capped scores", f"H {t} {s}", one_row(saved.capped.y), path=path
            )
    if pair.backward is None:
        return

    def add_sum_of_group(name: str, of_heads: Array, result: Array, how: dict) -> int:
        """Add the gradient of k or v: that of each query head, and the sum over its group."""
        shape = (1, result.shape[1], group, *result.shape[2:])
        card.check(name, of_heads.reshape(shape).sum(axis=2), result)
        if group > 1:
            at = add("backward", "inner", f"{name} of each head", f"H {s} D", of_heads, how)
            how = {"k": "group_sum", "a": at, "n": group}
        return add("backward", "output", name, f"{one} {s} D", result, how)

    dy = pair.backward.inputs["dy"]
    dq, dk, dv = pair.backward.result
    at_dy = add("backward", "input", "dy", f"H {t} D", dy, None)
    how = product("hse", (at_dropped, "hts"), (at_dy, "hte"), over="t")
    of_heads = np.matmul(dropped.mT, dy)
    at_dv = add_sum_of_group("dv", of_heads, dv, how)
    dweights = np.matmul(dy, v.mT)
    how = product("hts", (at_dy, "hte"), (at_v, "hse"), over="e")
    name = "dP" if factors is None else "d(dropped P)"
    at_dweights = add("backward", "inner", name, f"H {t} {s}", dweights, how)
    if factors is not None and at_factors is not None:
        dweights = dweights * factors
        how = product("hts", (at_dweights, "hts"), (at_factors, "hts"))
        at_dweights = add("backward", "inner", "dP", f"H {t} {s}", dweights, how)
    average = (dweights * weights).sum(axis=-1)
    how = product("ht", (at_dweights, "hts"), (at_weights, "hts"), over="s")
    at_average = add("backward", "inner", "average of dP", f"H {t}", average, how)
    dscores = weights * (dweights - average[..., None])
    how = {"k": "softmax_back", "a": at_weights, "b": at_dweights, "c": at_average}
    at_dscores = add("backward", "inner", "dS", f"H {t} {s}", dscores, how)
    if at_capped is not None:
        dscores = dscores * (1 - (saved.capped.y / cap) ** 2)
        how = {"k": "soft_cap_slope", "a": at_capped, "b": at_dscores, "cap": cap}
        at_dscores = add("backward", "inner", "d(scores)", f"H {t} {s}", dscores, how)
    scaled = dscores * np.asarray(scale, dscores.dtype)
    how = product("htd", (at_dscores, "hts"), (at_k, "hsd"), over="s", f=scale)
    at_dq = add("backward", "output", "dq", f"H {t} D", dq, how)
    card.check("dq", np.matmul(scaled, k), dq)
    how = product("hsd", (at_dscores, "hts"), (at_q, "htd"), over="t", f=scale)
    at_dk = add_sum_of_group("dk", np.matmul(scaled.mT, q), dk, how)
    card.facts["gradients"] = (at_dq, at_dk, at_dv)


def _masked(scores: Array, inputs: dict[str, Any]) -> Array:
    """Write -inf to masked scores (1, H, T, S)."""
    mask, padding = inputs.get("mask"), inputs.get("key_padding_mask")
    if isinstance(mask, np.ndarray):
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if isinstance(padding, np.ndarray):
        scores = np.where(padding[:, None, None, :], -np.inf, scores)
    if inputs.get("causal"):
        allowed = np.tri(scores.shape[-2], scores.shape[-1], dtype=bool)
        if isinstance(inputs.get("window"), int):
            allowed &= ~np.tri(*allowed.shape, -inputs["window"], dtype=bool)
        scores = np.where(allowed, scores, -np.inf)
    return np.ascontiguousarray(scores, np.float32)


def _softmax(scores: Array) -> Array:
    """Softmax of each row; a row without any allowed key becomes 0."""
    largest = scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores - np.where(np.isneginf(largest), 0, largest).astype(scores.dtype))
    sums = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(sums == 0, 1, sums).astype(scores.dtype)
