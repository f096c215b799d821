"""Cross-entropy: probabilities, losses, and p - q."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.explore.cards import Card, Pair, rows
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.values import product


def unfold_cross_entropy(card: Card, pair: Pair, sums: GradientSums) -> None:
    """Add logits, their log-sum-exp, p, the losses and their mean; dlogits."""
    logits = rows(pair.forward.inputs["logits"])
    loss, saved = pair.forward.result
    targets, counted = saved.targets.reshape(-1), saved.counted.reshape(-1)
    smoothing, n = saved.label_smoothing, max(saved.n_counted, 1)
    t, n_classes = card.time, logits.shape[-1]
    target_list = [int(v) if c else -1 for v, c in zip(targets, counted, strict=True)]

    at_z = card.add("forward", "input", "logits", f"{t} V", logits)
    log_total = saved.log_total.reshape(-1)
    how = {"k": "lse", "a": at_z}
    at_total = card.add("forward", "inner", "log_total", t, log_total, how)
    with np.errstate(all="ignore"):
        shift = logits.max(axis=-1, keepdims=True)
        computed = np.log(np.exp(logits - shift).sum(axis=-1)) + shift[:, 0]
        card.check("log_total", computed, log_total)
        p = np.exp(logits - log_total[:, None])
    at_p = card.add("forward", "inner", "p", f"{t} V", p, {"k": "softmax", "a": at_z})
    at_target = logits[np.arange(len(targets)), targets]
    losses = log_total - (1 - smoothing) * at_target
    if smoothing:
        losses = losses - smoothing * logits.mean(axis=-1)
    losses = np.where(counted, losses, 0).astype(logits.dtype)
    more = {"targets": target_list, "eps": smoothing}
    how = {"k": "nll", "a": at_z, "b": at_total, **more}
    at_losses = card.add("forward", "inner", "losses", t, losses, how)
    how = product("", (at_losses, "t"), over="t", f=1 / n)
    card.add("forward", "output", "loss", "", np.asarray(loss, np.float32), how)
    card.check("loss", np.asarray(losses.sum() / n), np.asarray(loss))
    card.facts["targets"] = target_list
    if pair.node is not None:
        card.add_saved(pair.node, {"logits": f"{t} V", "log_total": t})
    if pair.backward is None:
        return
    dlogits = rows(pair.backward.result)
    dloss = float(pair.backward.inputs["dloss"])
    gap = p - _target_distribution(targets, n_classes, smoothing, logits.dtype)
    weights = np.where(counted, dloss / n, 0).astype(logits.dtype)
    card.check("dlogits", gap * weights[:, None], dlogits)
    how = {"k": "p-q", "a": at_p, "f": dloss / n, **more}
    card.add("backward", "input", "dloss", "", np.asarray(dloss, np.float32))
    card.add("backward", "output", "dlogits", f"{t} V", dlogits, how)


def _target_distribution(targets: Array, n_classes: int, smoothing: float, dtype: Any) -> Array:
    """Return q (T, V)."""
    q = np.full((len(targets), n_classes), smoothing / n_classes, dtype)
    q[np.arange(len(targets)), targets] += 1 - smoothing
    return q
