"""Attention: scores, weights, and their gradients, which the operation keeps to itself."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.explore.cards import Card, Pair, one_row
from scratchgpt.explore.unfold.pointwise import dropout_factors
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.values import How, product


def unfold_attention(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add S, P and y; dP, the average of dP, dS, dq, dk and dv.

    With groups of heads, also the keys and values of each query head and the gradients of them,
    which the operation never makes.
    """
    inputs, (y, saved) = pair.forward.inputs, pair.forward.result
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    scale, group = saved.scale, q.shape[-3] // k.shape[-3]
    key_heads = "H" if group == 1 else "K"
    t, s = card.facts["queries"], card.facts["keys"]

    def add(side: str, role: str, name: str, axes: str, array: Array, how: dict | None) -> int:
        return card.add(side, role, name, axes, one_row(array), how)

    at_q = add("forward", "input", "q", f"H {t} D", q, None)
    at_k = add("forward", "input", "k", f"{key_heads} {s} D", k, None)
    at_v = add("forward", "input", "v", f"{key_heads} {s} D", v, None)
    if group > 1:
        k, v = (x.repeat(group, axis=-3) for x in (k, v))
        how = {"k": "group", "a": at_k, "g": group}
        at_k = add("forward", "inner", "k of each head", f"H {s} D", k, how)
        how = {"k": "group", "a": at_v, "g": group}
        at_v = add("forward", "inner", "v of each head", f"H {s} D", v, how)
    scores = np.matmul(q, k.mT) * np.asarray(scale, q.dtype)
    how = product("hts", (at_q, "htd"), (at_k, "hsd"), over="d", f=scale)
    at_uncapped, cap = None, 0.0
    if saved.soft_cap is not None:
        cap = saved.soft_cap
        at_uncapped = add("forward", "inner", "S before the cap", f"H {t} {s}", scores, how)
        scores = _capped(scores, cap)
        card.check("capped S", scores, saved.capped)
        how = {"k": "soft_cap", "a": at_uncapped, "cap": cap}
    scores = _masked(scores, inputs)
    if np.isneginf(scores).any():
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
        keys = f"{key_heads} {s} D"
        axes = {"q": f"H {t} D", "k": keys, "v": keys, "weights": f"H {t} {s}"}
        axes["capped"] = f"H {t} {s}"
        card.add_saved(pair.node, axes)
    if pair.backward is None:
        return

    dy = pair.backward.inputs["dy"]
    dq, dk, dv = pair.backward.result
    at_dy = add("backward", "input", "dy", f"H {t} D", dy, None)
    how = product("hse", (at_dropped, "hts"), (at_dy, "hte"), over="t")
    at_dv = _add_gradient(card, "dv", np.matmul(dropped.mT, dy), dv, how, s)
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
    if at_uncapped is None:
        at_dscores = add("backward", "inner", "dS", f"H {t} {s}", dscores, how)
    else:
        at_dcapped = add("backward", "inner", "dS after the cap", f"H {t} {s}", dscores, how)
        part_of_cap = saved.capped * np.asarray(1 / cap, q.dtype)
        dscores = dscores * (1 - part_of_cap * part_of_cap)
        how = {"k": "cap_back", "a": at_dcapped, "b": at_uncapped, "cap": cap}
        at_dscores = add("backward", "inner", "dS", f"H {t} {s}", dscores, how)
    scaled = dscores * np.asarray(scale, dscores.dtype)
    how = product("htd", (at_dscores, "hts"), (at_k, "hsd"), over="s", f=scale)
    at_dq = add("backward", "output", "dq", f"H {t} D", dq, how)
    card.check("dq", np.matmul(scaled, k), dq)
    how = product("hsd", (at_dscores, "hts"), (at_q, "htd"), over="t", f=scale)
    at_dk = _add_gradient(card, "dk", np.matmul(scaled.mT, q), dk, how, s)
    card.facts["gradients"] = (at_dq, at_dk, at_dv)


def _add_gradient(card: Card, name: str, of_each: Array, recorded: Array, how: How, s: str) -> int:
    """Add dk or dv; with groups, first the gradient of each head, then their sums."""
    group = of_each.shape[-3] // recorded.shape[-3]
    if group == 1:
        card.check(name, of_each, recorded)
        return card.add("backward", "output", name, f"H {s} D", one_row(recorded), how)
    array = one_row(of_each)
    at = card.add("backward", "inner", f"{name} of each head", f"H {s} D", array, how)
    card.check(name, array.reshape(-1, group, *array.shape[1:]).sum(axis=1), one_row(recorded))
    how = {"k": "group_sum", "a": at, "g": group}
    return card.add("backward", "output", name, f"K {s} D", one_row(recorded), how)


def _capped(scores: Array, cap: float) -> Array:
    """Apply the soft cap, in the dtype of the scores."""
    return np.tanh(scores * np.asarray(1 / cap, scores.dtype)) * np.asarray(cap, scores.dtype)


def _masked(scores: Array, inputs: dict[str, object]) -> Array:
    """Write -inf to masked scores (1, H, T, S)."""
    mask, padding = inputs.get("mask"), inputs.get("key_padding_mask")
    if isinstance(mask, np.ndarray):
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if isinstance(padding, np.ndarray):
        scores = np.where(padding[:, None, None, :], -np.inf, scores)
    if inputs.get("causal"):
        allowed = np.tri(scores.shape[-2], scores.shape[-1], dtype=bool)
        window = inputs.get("window")
        if isinstance(window, int):
            allowed &= ~np.tri(*allowed.shape, -window, dtype=bool)
        scores = np.where(allowed, scores, -np.inf)
    return np.ascontiguousarray(scores, np.float32)


def _softmax(scores: Array) -> Array:
    """Softmax of each row; a row without any allowed key becomes 0."""
    largest = scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores - np.where(np.isneginf(largest), 0, largest).astype(scores.dtype))
    sums = weights.sum(axis=-1, keepdims=True)
    return weights / np.where(sums == 0, 1, sums).astype(scores.dtype)
